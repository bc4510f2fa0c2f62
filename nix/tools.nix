# The programs that tests run, besides the compilers and Python. The checks and the development shell
# see these and no others, so a test that needs another has to name it here.
{ pkgs }:
let
  inherit (pkgs) lib;
in
{
  tests = [
    pkgs.git
    pkgs.less
    pkgs.openssh
    pkgs.procps
    pkgs.shellcheck
    pkgs.sqlite
    pkgs.vim
    pkgs.zsh
  ]
  ++ lib.optionals pkgs.stdenv.hostPlatform.isLinux [
    pkgs.man-db
    pkgs.strace
    pkgs.util-linux
  ];
  # the packages of `dev` in pyproject.toml, beside the server's own
  python = ps: [
    ps.hatchling
    ps.hypothesis
    ps.mcp
    ps.mypy
    ps.pyte
    ps.pytest
    ps.pytest-timeout
    ps.regex
  ];
}
