# The MCP server: the Python part, with the executor, zsh and the database's place wired in.
# alanDbPath is a template, expanded when the server runs: no database can live in the store.
{
  lib,
  python3,
  zsh,
  zsh-tool-exec,
  alanDbPath ? "$XDG_STATE_HOME/zsh-tool/alan.db",
  tests ? { },
}:
let
  inherit ((lib.importTOML ../pyproject.toml)) project;
  inherit (python3) pkgs;
in
pkgs.buildPythonApplication {
  pname = project.name;
  inherit (project) version;
  pyproject = true;
  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../LICENSE
      ../README.md
      ../hatch_build.py
      ../pyproject.toml
      ../zsh-tool-rs/src/alan/migrations
      ../zsh_tool
    ];
  };
  build-system = [ pkgs.hatchling ];
  dependencies = [
    pkgs.mcp
    pkgs.pyte
    pkgs.regex
  ];

  # the executor is a package of its own: nothing is compiled here
  env.ZSH_TOOL_BUILD_EXECUTOR = "0";
  postPatch = ''
    substituteInPlace zsh_tool/_build.py \
      --replace-fail '@executor@' ${lib.escapeShellArg (lib.getExe zsh-tool-exec)} \
      --replace-fail '@zsh@' ${lib.escapeShellArg (lib.getExe zsh)} \
      --replace-fail '@alanDbPath@' ${lib.escapeShellArg alanDbPath}
  '';

  # `passthru.tests` run the suite against the installed executor
  doCheck = false;
  pythonImportsCheck = [ "zsh_tool.server" ];
  passthru = { inherit tests; };
  meta = {
    inherit (project) description;
    mainProgram = "zsh-tool";
    license = lib.licenses.mit;
    platforms = lib.platforms.unix;
  };
}
