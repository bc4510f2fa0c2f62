// Drives the server with one of npm's clients and prints what it saw as one JSON object.
// usage: node client.mjs sdk1|client2|client2-auto COMMAND [ARGUMENT...]
const [kind, command, ...args] = process.argv.slice(2);
const first = kind === 'sdk1';
const { Client } = await import(first ? '@modelcontextprotocol/sdk/client/index.js' : '@modelcontextprotocol/client');
const { StdioClientTransport } = await import(
  first ? '@modelcontextprotocol/sdk/client/stdio.js' : '@modelcontextprotocol/client/stdio');

const options = kind === 'client2-auto' ? { versionNegotiation: { mode: 'auto' } } : {};
const client = new Client({ name: 'interop', version: '1' }, options);
const transport = new StdioClientTransport({ command, args, env: process.env, stderr: 'inherit' });
await client.connect(transport);

const text = (result) => result.content.map((part) => part.text).join('\n');
const call = (name, given, more = {}) =>
  first ? client.callTool({ name, arguments: given }, undefined, more) : client.callTool({ name, arguments: given }, more);
const facts = (result) => result._meta['io.github.zsh-tool/result'];
const seen = { server: client.getServerVersion(), instructions: client.getInstructions() };

seen.tools = (await client.listTools()).tools.map((tool) => tool.name);
const plain = await call('zsh', { command: 'print hello' });
seen.plain = { text: text(plain), facts: facts(plain), structured: plain.structuredContent ?? null };
seen.wrong = await call('zsh', { comand: 'x' }).then((result) => ({ text: text(result), isError: result.isError }));
seen.unknown = await call('zsh_nothing', {}).then(() => 'no error', (error) => error.message);

const values = [];
await call('zsh', { command: 'sleep 2.5' }, { onprogress: (notice) => values.push(notice.progress) });
seen.progress = values;

const started = await call('zsh', { command: 'sleep 300', yield_after: 0 });
const cancel = new AbortController();
const polling = call('zsh_poll', { task_id: facts(started).task_id }, { signal: cancel.signal });
setTimeout(() => cancel.abort('enough'), 200);
seen.cancelled = await polling.then(() => false, () => true);
seen.killed = facts(await call('zsh_kill', { task_id: facts(started).task_id })).outcome;

seen.resources = (await client.listResources()).resources.map((resource) => resource.uri);
seen.templates = (await client.listResourceTemplates()).resourceTemplates.map((template) => template.uriTemplate);
seen.log = (await client.readResource({ uri: `zsh://task/${facts(plain).task_id}/log` })).contents[0].text;
seen.prompts = (await client.listPrompts()).prompts.map((prompt) => prompt.name);
seen.report = (await client.getPrompt({ name: 'session_report', arguments: {} })).messages[0].content.text.length > 0;
seen.rows = text(await call('zsh_alan_query', { search: 'hello', scope: 'session' }));
await client.close();
console.log(JSON.stringify(seen));
