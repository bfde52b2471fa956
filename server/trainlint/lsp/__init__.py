"""The language server: findings, repairs and what is known of a program, in the editor, at typing speed."""
