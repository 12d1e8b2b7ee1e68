/** An agent: calls a tool with the MCP SDK's own provider for the client credentials grant. */
import { readFileSync } from 'node:fs';
import { Client, ClientCredentialsProvider, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

const { ISSUER = 'http://localhost:3000', MCP_URL = 'http://localhost:4003/mcp' } = process.env;
const { CLIENT_ID = 'agent', CLIENT_SECRET_FILE = '.lanyard/secrets/agent/client_secret' } = process.env;

const authProvider = new ClientCredentialsProvider({
  clientId: CLIENT_ID,
  clientSecret: readFileSync(CLIENT_SECRET_FILE, 'utf8').trim(),
  expectedIssuer: ISSUER,
});
const client = new Client({ name: 'agent', version: '1.0.0' });
await client.connect(new StreamableHTTPClientTransport(new URL(MCP_URL), { authProvider }));
const { tools } = await client.listTools();
console.log(`tools: ${tools.map(({ name }) => name).join(', ')}`);
const { content } = await client.callTool({ name: 'count-orders', arguments: { customer: 'Ada' } });
console.log(content[0].text);
await client.close();
