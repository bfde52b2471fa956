-- Opens a program in Neovim, waits for a finding, applies its repair, and waits until the finding is gone.
-- usage: T_FILE=program.py T_PYTHON=python T_RULE=rule T_TEXT=underlined nvim --headless -u NONE -i NONE -n -S neovim.lua
local file, python = assert(os.getenv("T_FILE")), assert(os.getenv("T_PYTHON"))
local rule, text = assert(os.getenv("T_RULE")), assert(os.getenv("T_TEXT"))

local function out(...) io.stdout:write(table.concat(vim.tbl_map(tostring, { ... }), " ") .. "\n") end
local function die(message) out("FAIL", message); vim.cmd("cquit 1") end

vim.o.swapfile = false
vim.cmd("edit " .. file)
vim.bo.filetype = "python"
local buffer = vim.api.nvim_get_current_buf()
local client = (vim.lsp.start_client or vim.lsp.start)({
  name = "trainlint",
  cmd = { python, "-m", "trainlint", "server" },
  root_dir = vim.fn.fnamemodify(file, ":p:h"),
})
vim.lsp.buf_attach_client(buffer, client)

local function finding()
  for _, each in ipairs(vim.diagnostic.get(buffer)) do
    if each.code == rule then return each end
  end
end
if not vim.wait(60000, function() return finding() ~= nil end, 20) then die("no finding of " .. rule) end

-- Neovim counts columns in bytes, the protocol in UTF-16 units: a wrong encoding shows on a line with other letters.
local found = finding()
local line = vim.api.nvim_buf_get_lines(buffer, found.lnum, found.lnum + 1, false)[1]
local underlined = line:sub(found.col + 1, found.end_col)
if underlined ~= text then die("the wrong text is underlined: " .. underlined) end

local function units(column) local _, count = vim.str_utfindex(line, column); return count end
local range = {
  start = { line = found.lnum, character = units(found.col) },
  ["end"] = { line = found.lnum, character = units(found.end_col) },
}
local params = {
  textDocument = vim.lsp.util.make_text_document_params(buffer), range = range, context = { diagnostics = {} },
}
local action
for _, answer in pairs(vim.lsp.buf_request_sync(buffer, "textDocument/codeAction", params, 30000) or {}) do
  for _, each in ipairs(answer.result or {}) do action = action or (each.isPreferred and each) end
end
if not action then die("no preferred action") end
if not action.edit then
  for _, answer in pairs(vim.lsp.buf_request_sync(buffer, "codeAction/resolve", action, 30000) or {}) do
    action = answer.result
  end
end
vim.lsp.util.apply_workspace_edit(action.edit, "utf-16")
if not vim.wait(60000, function() return finding() == nil end, 20) then die("the finding did not go away") end
vim.cmd("silent write")
out("OK neovim")
vim.cmd("qall!")
