# programs.zsh-tool for home-manager: the package, ~/.config/zsh-tool/config.toml, and the MCP clients that
# home-manager configures (a client named in `clients` has to be enabled by its own module as well).
self:
{
  config,
  lib,
  options,
  pkgs,
  ...
}:
let
  shared = import ./module.nix self { inherit lib pkgs; };
  cfg = config.programs.zsh-tool;
  toml = pkgs.formats.toml { };
  server.command = lib.getExe (shared.package cfg);

  stdio = server // {
    type = "stdio";
  };

  # Where each client takes servers: an option, and what it is set to.
  at = option: value: {
    inherit option;
    definitions = lib.setAttrByPath option value;
  };
  clients = {
    claude-code = at [ "programs" "claude-code" "mcpServers" ] { zsh-tool = stdio; };
    codex = at [ "programs" "codex" "settings" ] { mcp_servers.zsh-tool = server; };
    # programs.cursor writes the file of VS Code, which Cursor does not read for servers
    cursor = at [ "home" "file" ] {
      ".cursor/mcp.json".text = builtins.toJSON { mcpServers.zsh-tool = stdio; };
    };
    mcp = at [ "programs" "mcp" "servers" ] { zsh-tool = server; };
    vscode = at [ "programs" "vscode" "profiles" ] { default.userMcp.servers.zsh-tool = stdio; };
    zed-editor = at [ "programs" "zed-editor" "userSettings" ] {
      context_servers.zsh-tool = server // {
        args = [ ];
      };
    };
  };
  known = client: lib.hasAttrByPath clients.${client}.option options;
in
{
  options.programs.zsh-tool = shared.options clients // {
    settings = lib.mkOption {
      inherit (toml) type;
      default = { };
      example.command.timeout = 300;
      description = "The defaults: what is written to {file}`~/.config/zsh-tool/config.toml`.";
    };
  };

  config = lib.mkIf cfg.enable (
    lib.mkMerge (
      [
        {
          home.packages = [ (shared.package cfg) ];
          xdg.configFile."zsh-tool/config.toml" = lib.mkIf (cfg.settings != { }) {
            source = toml.generate "zsh-tool-config.toml" cfg.settings;
          };
          assertions = map (client: {
            assertion = known client;
            message = "programs.zsh-tool.clients: this home-manager has no ${
              lib.showOption clients.${client}.option
            }";
          }) cfg.clients;
        }
      ]
      # a definition of an option that does not exist is an error even under mkIf
      ++ lib.mapAttrsToList (
        client:
        { definitions, ... }:
        lib.optionalAttrs (known client) (lib.mkIf (lib.elem client cfg.clients) definitions)
      ) clients
    )
  );
}
