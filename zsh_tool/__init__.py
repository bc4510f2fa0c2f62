"""A zsh for AI coding agents, served over MCP."""
