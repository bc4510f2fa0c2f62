# `nix develop`: what `make test` needs, pinned, and nothing that installs. It compiles the executor as
# any checkout does, so it opens also when the code does not compile.
{
  pkgs,
  ours,
  tools,
}:
pkgs.mkShell {
  packages = [
    (ours.python3.withPackages tools.python)
    pkgs.cargo
    pkgs.clippy
    pkgs.gnumake
    pkgs.ruff
    pkgs.rustc
    pkgs.rustfmt
  ]
  ++ tools.tests;
  # the executor is linked statically there too (.cargo/config.toml)
  buildInputs = pkgs.lib.optional pkgs.stdenv.hostPlatform.isLinux pkgs.glibc.static;
  # .ci/setup installs nothing
  ZSH_TOOL_TOOLS = "declared";
}
