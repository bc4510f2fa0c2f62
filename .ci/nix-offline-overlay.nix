# What the stand-in for nixpkgs lacks, over this machine's own programs.
final: prev:
let
  host =
    name: programs:
    final.runCommandLocal name { meta.mainProgram = builtins.head programs; } ''
      mkdir -p $out/bin
      for program in ${toString programs}; do ln -s /usr/bin/$program $out/bin/; done
    '';
in
{
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
