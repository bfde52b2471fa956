import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist/", "build/", "node_modules/", ".venv*/", "**/*.mjs", "extension/test/workbench/python-extension/"] },
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { project: "extension/tsconfig.json" } },
    rules: {
      eqeqeq: "error",
      // The API of the editor has structural disposables.
      "@typescript-eslint/no-unsafe-class-instance-assignment": "off",
      "no-console": "error",
      "prefer-const": "error",
      "@typescript-eslint/explicit-function-return-type": ["error", { allowExpressions: true }],
      "@typescript-eslint/switch-exhaustiveness-check": "error",
    },
  },
);
