# The checks of kind `nix` in .ci/checks.toml: what only Nix can ask.
{
  pkgs,
  self,
  nixpkgs,
  python3,
  zsh-tool,
  source,
}:
let
  inherit (pkgs) lib;
  # Another zsh, which says so: wired in, it must be the one that runs, whatever else there is.
  marked = pkgs.writeShellScriptBin "zsh" ''
    export ZSH_TOOL_MARK=pinned
    exec ${lib.getExe pkgs.zsh} "$@"
  '';
  evaluated = import ./evaluated.nix {
    inherit
      pkgs
      self
      nixpkgs
      ;
  };
in
{
  # Everything the installed package refers to, printed with sizes; compilers must not be among it.
  closure =
    pkgs.runCommand "zsh-tool-closure"
      {
        exportReferencesGraph = [
          "graph"
          zsh-tool
        ];
      }
      ''
        grep -o '^/nix/store/[^ ]*' graph | sort -u >paths
        xargs du -s --bytes <paths | sort -rn | tee $out
        du -c -s --bytes $(cat paths) | tail -n 1
        for path in $(cat paths); do
          for compiler in cc c++ gcc g++ clang rustc cargo ld; do
            if [ -e "$path/bin/$compiler" ]; then echo "a compiler in the closure: $path/bin/$compiler"; exit 1; fi
          done
        done
      '';

  zsh-pinned =
    pkgs.runCommand "zsh-tool-zsh-pinned"
      {
        nativeBuildInputs = [ pkgs.python3 ];
        EXPECTED_MARK = "pinned";
      }
      ''
        python3 ${source}/.ci/installed.py ${
          lib.getExe (zsh-tool.override { zsh = marked; })
        } PATH=${pkgs.zsh}/bin
        touch $out
      '';

  # What they evaluate to is kept, to be read; what they write is read back by those whom it is for.
  modules =
    pkgs.runCommand "zsh-tool-modules"
      {
        nativeBuildInputs = [ python3 ];
        evaluated = builtins.toJSON evaluated;
        passAsFile = [ "evaluated" ];
      }
      ''
        export HOME=$TMPDIR/home
        mkdir -p $HOME/.config/zsh-tool
        cp ${evaluated.settings} $HOME/.config/zsh-tool/config.toml
        PYTHONPATH=${zsh-tool}/${python3.sitePackages} python3 -c 'if True:
          from zsh_tool import config
          settings = config.load()
          assert settings.problems == (), settings.problems
          assert settings.command.timeout == 300'

        python3 ${source}/.ci/registered.py ${toString (builtins.attrValues evaluated.files)} >commands
        for server in $(sort -u commands - <<<'${lib.concatLines evaluated.started}'); do
          python3 ${source}/.ci/installed.py $server HOME=$HOME
        done
        # one of them has the place that home-manager was given, the other its own
        ls $HOME/.zsh-tool/alan.db $HOME/.local/state/zsh-tool/alan.db
        cp $evaluatedPath $out
      '';

  # As `nix fmt` would have it.
  nix-format = pkgs.runCommand "zsh-tool-nix-format" { nativeBuildInputs = [ pkgs.nixfmt ]; } ''
    find ${source} -name '*.nix' -exec nixfmt --check {} +
    touch $out
  '';
}
