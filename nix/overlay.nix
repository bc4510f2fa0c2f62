# Adds zsh-tool and zsh-tool-exec to a package set, built with that set's own zsh and Python.
{ crane }:
final: _prev: {
  inherit
    (import ./packages.nix {
      pkgs = final;
      inherit crane;
    })
    zsh-tool
    zsh-tool-exec
    ;
}
