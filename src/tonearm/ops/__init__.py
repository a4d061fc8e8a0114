"""What an operator sees: log lines that carry the job they speak of, with secrets left out."""
