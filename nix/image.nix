# A container image that serves MCP on its standard streams:
#   nix build .#image && ./result | docker load && docker run -i --rm -v "$PWD:/work" zsh-tool
# Its commands find a small system where they look for one: shells, env, certificates, a home.
{ pkgs, zsh-tool }:
pkgs.dockerTools.streamLayeredImage {
  name = "zsh-tool";
  tag = "latest";
  contents = [
    pkgs.bashInteractive
    pkgs.coreutils
    pkgs.dockerTools.caCertificates
    pkgs.dockerTools.fakeNss
    pkgs.dockerTools.usrBinEnv
    pkgs.findutils
    pkgs.gawk
    pkgs.git
    pkgs.gnugrep
    pkgs.gnused
    pkgs.zsh
    zsh-tool
  ];
  extraCommands = "mkdir -m 1777 tmp && mkdir -p root state work";
  config = {
    Entrypoint = [ (pkgs.lib.getExe zsh-tool) ];
    WorkingDir = "/work";
    Labels."org.opencontainers.image.version" = zsh-tool.version;
    Env = [
      "HOME=/root"
      "PATH=/bin"
      "XDG_STATE_HOME=/state"
    ];
  };
}
