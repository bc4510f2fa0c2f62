# What the home-manager and the NixOS module share: their options, and the package as these ask for it.
self:
{ lib, pkgs }:
let
  inherit (lib) mkOption types;
in
{
  options = clients: {
    enable = lib.mkEnableOption "zsh-tool, a zsh for AI coding agents over MCP";
    package = mkOption {
      type = types.package;
      default = self.packages.${pkgs.stdenv.hostPlatform.system}.zsh-tool;
      defaultText = lib.literalExpression "zsh-tool of the flake";
      description = "The server. It brings its executor and its zsh.";
    };
    databasePath = mkOption {
      type = types.nullOr types.str;
      default = null;
      example = "$HOME/.zsh-tool/alan.db";
      description = "Where the memory of past commands is kept: a template, expanded when the server runs.";
    };
    clients = mkOption {
      type = types.listOf (types.enum (builtins.attrNames clients));
      default = [ ];
      description = "The MCP clients that the server is registered with.";
    };
  };

  # the package with the database's place wired in, where one is given
  package =
    cfg:
    if cfg.databasePath == null then
      cfg.package
    else
      cfg.package.override { alanDbPath = cfg.databasePath; };
}
