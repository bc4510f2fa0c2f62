# The modules and the snippets of the README, evaluated against the least that they stand on. An option that
# is misspelt, a snippet that has rotted, a command whose output is gone: none evaluates.
{
  pkgs,
  self,
  nixpkgs,
}:
let
  inherit (pkgs) lib;
  inherit (pkgs.stdenv.hostPlatform) system;
  option =
    type: default:
    lib.mkOption {
      inherit default;
      type = type lib.types.anything;
    };
  anything = option lib.types.attrsOf { };
  list = option lib.types.listOf [ ];
  base = {
    home-manager.options = {
      assertions = list;
      home = {
        file = anything;
        packages = list;
      };
      xdg.configFile = anything;
      programs = {
        claude-code.mcpServers = anything;
        codex.settings = anything;
        mcp.servers = anything;
        vscode.profiles = anything;
        zed-editor.userSettings = anything;
      };
    };
    nixos.options = {
      assertions = list;
      environment = {
        etc = anything;
        sessionVariables = anything;
        systemPackages = list;
      };
    };
  };
  evaluate =
    kind: modules:
    let
      evaluated = lib.evalModules {
        specialArgs = {
          inherit pkgs;
          zsh-tool = self;
        };
        modules = [ base.${kind} ] ++ modules;
      };
      inherit (evaluated) config;
      failed = lib.filter (assertion: !assertion.assertion) config.assertions;
    in
    assert lib.assertMsg (failed == [ ]) (toString (map (assertion: assertion.message) failed));
    config;

  readme = builtins.readFile ../README.md;
  # The Nix blocks of the README, by the word after `nix` on their first line.
  snippets = lib.listToAttrs (
    map (
      block:
      let
        lines = lib.splitString "\n" (lib.head (lib.splitString "\n```" block));
      in
      lib.nameValuePair (lib.head lines) (
        import (builtins.toFile "snippet.nix" (lib.concatStringsSep "\n" (lib.tail lines)))
      )
    ) (lib.tail (lib.splitString "```nix title=" readme))
  );

  # A derivation's name in the store, without a wish for it to be built.
  name = derivation: builtins.unsafeDiscardStringContext derivation.drvPath;
  # What a command of the README asks of this flake.
  asked =
    command:
    let
      words = lib.splitString " " (lib.head (lib.splitString " #" command));
      isReference = word: lib.hasPrefix "." word || lib.hasInfix ":" word;
      reference = lib.splitString "#" (lib.findFirst isReference "." words);
      attribute = if lib.length reference == 1 then "default" else lib.last reference;
      kinds = {
        develop = shells: name shells.${attribute};
        profile = packages: name packages.${attribute};
        run = apps: builtins.unsafeDiscardStringContext apps.${attribute}.program;
      };
      outputs = {
        develop = self.devShells;
        profile = self.packages;
        run = self.apps;
      };
      verb = lib.elemAt words 1;
    in
    kinds.${verb} outputs.${verb}.${system};
  commands = lib.filter (lib.hasPrefix "nix ") (lib.splitString "\n" readme);

  # each module with every client, besides the README's choice
  all = clients: {
    programs.zsh-tool.clients = lib.mkForce clients;
  };
  home = evaluate "home-manager" [ snippets.home-manager ];
  homeWithAll = evaluate "home-manager" [
    snippets.home-manager
    (all [
      "claude-code"
      "codex"
      "cursor"
      "mcp"
      "vscode"
      "zed-editor"
    ])
  ];
  nixos = evaluate "nixos" [ snippets.nixos ];
  nixosWithAll = evaluate "nixos" [
    snippets.nixos
    (all [
      "claude-code"
      "codex"
    ])
  ];
  flake = snippets.flake.outputs {
    inherit nixpkgs;
    zsh-tool = self;
  };
in
assert lib.assertMsg (lib.length commands > 2) "the README's commands for Nix were not found";
{
  # what the files say that a program of ours reads, and how clients would start the server
  settings = home.xdg.configFile."zsh-tool/config.toml".source;
  started = [
    homeWithAll.programs.claude-code.mcpServers.zsh-tool.command
    homeWithAll.programs.codex.settings.mcp_servers.zsh-tool.command
    homeWithAll.programs.mcp.servers.zsh-tool.command
    homeWithAll.programs.vscode.profiles.default.userMcp.servers.zsh-tool.command
    homeWithAll.programs.zed-editor.userSettings.context_servers.zsh-tool.command
  ];
  files = {
    cursor = pkgs.writeText "mcp.json" homeWithAll.home.file.".cursor/mcp.json".text;
    claude-code = pkgs.writeText "mcp.json" nixosWithAll.environment.etc."zsh-tool/mcp.json".text;
    codex = nixosWithAll.environment.etc."codex/config.toml".source;
  };
  packages = map toString (home.home.packages ++ nixos.environment.systemPackages);
  variables = nixos.environment.sessionVariables;
  commands = lib.genAttrs commands asked;
  flake = lib.mapAttrs (_system: shells: name shells.default) flake.devShells;
}
