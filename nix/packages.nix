# The two packages, and the Python set that they and the checks share.
{ pkgs, crane }:
rec {
  python3 = pkgs.python3.override {
    self = python3;
    packageOverrides = import ./mcp.nix;
  };
  zsh-tool-exec = import ./executor.nix { inherit pkgs crane; };
  zsh-tool = pkgs.callPackage ./server.nix { inherit python3 zsh-tool-exec; };
}
