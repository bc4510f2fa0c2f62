# The checks of kind `nix` in .ci/checks.toml: what only Nix can ask.
{
  pkgs,
  self,
  nixpkgs,
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
        python3 ${source}/.ci/installed.py ${lib.getExe (zsh-tool.override { zsh = marked; })} PATH=${pkgs.zsh}/bin
        touch $out
      '';

  # Evaluating them is the check; what they evaluate to is kept, to be read.
  modules = pkgs.writeText "zsh-tool-modules" (builtins.toJSON evaluated);
}
