export { TokenClientModule } from './token-client.module.ts';
