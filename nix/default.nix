# Every output of one system, from one package set.
{
  pkgs,
  self,
  nixpkgs,
  crane,
  advisory-db,
}:
let
  inherit (pkgs) lib;
  ours = import ./packages.nix { inherit pkgs crane; };
  inherit (ours) zsh-tool-exec;
  zsh-tool = ours.zsh-tool.override { tests = checks; };
  app = package: {
    type = "app";
    program = lib.getExe package;
    meta.description = package.meta.description;
  };
  tools = import ./tools.nix { inherit pkgs; };
  checks = import ./checks.nix {
    inherit
      pkgs
      self
      nixpkgs
      crane
      advisory-db
      ours
      tools
      ;
  };
in
{
  packages = {
    default = zsh-tool;
    inherit zsh-tool zsh-tool-exec;
  }
  // lib.optionalAttrs pkgs.stdenv.hostPlatform.isLinux {
    image = import ./image.nix { inherit pkgs zsh-tool; };
  };
  apps = {
    default = app zsh-tool;
    exec = app zsh-tool-exec;
  };
  inherit checks;
  devShells.default = import ./shell.nix { inherit pkgs ours tools; };
  formatter = pkgs.nixfmt-tree;
}
