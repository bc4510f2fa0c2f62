# The modules and the snippets of the README, evaluated against the least that they stand on. An option that
# is misspelt, a snippet that has rotted: neither evaluates.
{
  pkgs,
  self,
  nixpkgs,
}:
let
  inherit (pkgs) lib;
  anything = lib.mkOption {
    type = lib.types.attrsOf lib.types.anything;
    default = { };
  };
  packages = lib.mkOption {
    type = lib.types.listOf lib.types.package;
    default = [ ];
  };
  assertions = lib.mkOption {
    type = lib.types.listOf lib.types.anything;
    default = [ ];
  };
  base = {
    home-manager.options = {
      inherit assertions;
      home.packages = packages;
      xdg.configFile = anything;
      programs = {
        claude-code.mcpServers = anything;
        codex.settings = anything;
        mcp.servers = anything;
      };
    };
    nixos.options = {
      inherit assertions;
      environment = {
        etc = anything;
        sessionVariables = anything;
        systemPackages = packages;
      };
      nixpkgs.overlays = lib.mkOption {
        type = lib.types.listOf lib.types.anything;
        default = [ ];
      };
    };
  };
  evaluate =
    kind: module:
    let
      inherit
        ((lib.evalModules {
          specialArgs = {
            inherit pkgs;
            zsh-tool = self;
          };
          modules = [
            base.${kind}
            module
          ];
        }))
        config
        ;
      failed = lib.filter (assertion: !assertion.assertion) config.assertions;
    in
    assert lib.assertMsg (failed == [ ]) (toString (map (assertion: assertion.message) failed));
    config;

  # The Nix blocks of the README, by the word after `nix` on their first line.
  blocks = lib.tail (lib.splitString "```nix title=" (builtins.readFile ../README.md));
  snippets = lib.listToAttrs (
    map (
      block:
      let
        lines = lib.splitString "\n" (lib.head (lib.splitString "\n```" block));
      in
      lib.nameValuePair (lib.head lines) (
        import (builtins.toFile "snippet.nix" (lib.concatStringsSep "\n" (lib.tail lines)))
      )
    ) blocks
  );

  home = evaluate "home-manager" snippets.home-manager;
  system = evaluate "nixos" snippets.nixos;
  flake = snippets.flake.outputs {
    inherit nixpkgs;
    zsh-tool = self;
  };
in
{
  home = {
    inherit (home) programs;
    files = builtins.attrNames home.xdg.configFile;
    packages = map toString home.home.packages;
  };
  system = {
    inherit (system.environment) etc sessionVariables;
    packages = map toString system.environment.systemPackages;
  };
  flake = lib.mapAttrs (_system: shells: shells.default.drvPath) flake.devShells;
}
