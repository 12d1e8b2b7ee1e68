/**
 * The client that `@modelcontextprotocol/conformance` tests: finds the authorization server of an MCP server through its
 * metadata, RFC 9728, and obtains the token with `@lanyard/token-client`.
 */
import { protectedResourceMetadataUrl } from '@lanyard/oauth-protocol';
import { TokenClient } from '@lanyard/token-client';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

const url = process.argv.at(-1);
const { client_id: clientId, client_secret: clientSecret } = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT);

const response = await fetch(protectedResourceMetadataUrl(url));
const { resource, authorization_servers: issuers } = await response.json();
if (resource !== url) throw new Error(`the metadata of ${url} is of ${resource}`);
const tokens = new TokenClient({ issuer: issuers[0], clientId, clientSecret });
const client = new Client({ name: 'lanyard', version: '1.0.0' });
await client.connect(new StreamableHTTPClientTransport(new URL(url), { fetch: tokens.fetch({ resource }) }));
await client.listTools();
await client.close();
