# A container image that serves MCP on its standard streams:
#   nix build .#image && ./result | docker load && docker run -i --rm -v "$PWD:/work" zsh-tool
{ pkgs, zsh-tool }:
pkgs.dockerTools.streamLayeredImage {
  name = "zsh-tool";
  tag = zsh-tool.version;
  contents = [
    pkgs.bashInteractive
    pkgs.coreutils
    pkgs.dockerTools.fakeNss
    pkgs.findutils
    pkgs.gawk
    pkgs.git
    pkgs.gnugrep
    pkgs.gnused
    zsh-tool
  ];
  extraCommands = "mkdir -m 1777 tmp && mkdir -p work state";
  config = {
    Entrypoint = [ (pkgs.lib.getExe zsh-tool) ];
    WorkingDir = "/work";
    Env = [
      "PATH=/bin"
      "XDG_STATE_HOME=/state"
    ];
  };
}
