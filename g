/dev/fd/3: line 136: 1: command not found
