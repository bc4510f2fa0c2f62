# programs.zsh-tool for NixOS: the package, defaults for everybody by environment variables, and files under
# /etc that MCP clients read for all users.
self:
{
  config,
  lib,
  pkgs,
  ...
}:
let
  shared = import ./module.nix self { inherit lib pkgs; };
  cfg = config.programs.zsh-tool;
  server.command = lib.getExe (shared.package cfg);

  # One file for each client. Claude Code takes its own by `--mcp-config`: the file that it would read by
  # itself shuts out the servers that users add.
  clients = {
    claude-code."zsh-tool/mcp.json".text = builtins.toJSON { mcpServers.zsh-tool = server; };
    codex."codex/config.toml".source = (pkgs.formats.toml { }).generate "codex-config.toml" {
      mcp_servers.zsh-tool = server;
    };
  };
in
{
  options.programs.zsh-tool = shared.options clients // {
    environment = lib.mkOption {
      type = lib.types.attrsOf lib.types.str;
      default = { };
      example.NEVERHANG_TIMEOUT_DEFAULT = "300";
      description = "The defaults for everybody, as environment variables; see docs/clients.md.";
    };
  };

  config = lib.mkIf cfg.enable {
    environment = {
      systemPackages = [ (shared.package cfg) ];
      sessionVariables = cfg.environment;
      etc = lib.mkMerge (map (client: clients.${client}) cfg.clients);
    };
  };
}
