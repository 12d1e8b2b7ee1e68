export {
  startAuthorizationServer,
  type RecordedTokenRequest,
  type TestAuthorizationServer,
  type TestClient,
} from './authorization-server/authorization-server.ts';
