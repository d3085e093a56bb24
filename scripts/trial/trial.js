// What `npm start` shows without a click: the README on the left, a log that follows its end on the right, the folder where
// files come and go, and one sentence about who does all that.
const vscode = require('vscode');

exports.activate = async (context) => {
  const folder = vscode.workspace.workspaceFolders?.find(({ uri }) => uri.scheme === 'livemount');
  if (folder === undefined) return;
  const at = (below) => vscode.Uri.joinPath(folder.uri, below);
  try {
    await vscode.workspace.fs.stat(at('visitors'));
  } catch {
    return; // Another folder than the sample: nothing is known of it.
  }
  const log = at('logs/build.log');
  const document = await vscode.workspace.openTextDocument(log);
  const editor = await vscode.window.showTextDocument(document, {
    viewColumn: vscode.ViewColumn.Two,
    preserveFocus: true,
    preview: false,
  });
  const follow = () => {
    const shown = vscode.window.visibleTextEditors.find((one) => one.document === document) ?? editor;
    const end = document.lineAt(document.lineCount - 1).range;
    shown.revealRange(end, vscode.TextEditorRevealType.Default);
  };
  context.subscriptions.push(
    vscode.workspace.onDidChangeTextDocument((change) => {
      if (change.document === document) follow();
    }),
  );
  follow();
  await vscode.commands.executeCommand('vscode.openWith', at('README.md'), 'vscode.markdown.preview.editor', {
    viewColumn: vscode.ViewColumn.One,
    preview: false,
  });
  const [visitor] = await vscode.workspace.fs.readDirectory(at('visitors'));
  if (visitor !== undefined)
    await vscode.commands.executeCommand('revealInExplorer', at(`visitors/${visitor[0]}`));
  void vscode.window.showInformationMessage(
    'Nothing in this window changes these files: programs on the host “sample” do. Edit one and save; it is saved there.',
  );
};
