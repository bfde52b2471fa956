// The part of the Python extension's API that trainlint asks: the interpreter is named by a variable of the environment.
const vscode = require("vscode");

exports.activate = () => ({
  environments: {
    getActiveEnvironmentPath: () => ({ id: "chosen", path: process.env.TRAINLINT_CHOSEN_PYTHON }),
    resolveEnvironment: async ({ path }) => ({ executable: { uri: path ? vscode.Uri.file(path) : undefined } }),
    onDidChangeActiveEnvironmentPath: new vscode.EventEmitter().event,
  },
});
