# zsh-tool-exec: on Linux one static file with musl; on Darwin, which has no static libc, a dynamic one.
# `again` makes a build that shares nothing with the first but its sources, to compare the two.
{
  pkgs,
  crane,
  again ? false,
}:
let
  inherit (pkgs) lib;
  inherit (pkgs.stdenv.hostPlatform) isLinux;
  craneLib = crane.mkLib (if isLinux then pkgs.pkgsStatic else pkgs);
  crate = ../zsh-tool-rs;
  manifest = (lib.importTOML (crate + "/Cargo.toml")).package;
  # What cargo reads in a checkout and does not see here: its flags and SQLite's have one home for both.
  configuration = lib.importTOML ../.cargo/config.toml;
  flags = lib.optionals isLinux configuration.target."cfg(target_os = \"linux\")".rustflags;
  common = {
    pname = manifest.name + lib.optionalString again "-again";
    inherit (manifest) version;
    src = lib.fileset.toSource {
      root = crate;
      fileset = lib.fileset.unions [
        (crate + "/Cargo.lock")
        (crate + "/Cargo.toml")
        (crate + "/build.rs")
        (crate + "/src")
      ];
    };
    strictDeps = true;
    # not RUSTFLAGS, which would shut out what crane adds to this one
    env = configuration.env // {
      CARGO_BUILD_RUSTFLAGS = toString flags;
    };
    # `rust-tests` runs them, natively
    doCheck = false;
    # pkgsStatic sets it for build scripts too, which are glibc programs and then do not link
    preBuild = "unset NIX_CFLAGS_LINK";
  };
in
craneLib.buildPackage (
  common
  // {
    cargoArtifacts = craneLib.buildDepsOnly common;
    # where it finds zsh when neither a flag nor the environment says
    env = common.env // {
      ZSH_TOOL_BUILD_ZSH = lib.getExe pkgs.zsh;
    };
    meta = {
      inherit (manifest) description;
      mainProgram = manifest.name;
      license = lib.licenses.mit;
      platforms = lib.platforms.unix;
    };
  }
)
