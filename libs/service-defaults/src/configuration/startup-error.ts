/** A reason not to start that the operator can fix: the message is shown without a stack. */
export class StartupError extends Error {
  override readonly name: string = 'StartupError';
}

/** Names the invalid variables and what they must be, never their values. */
export class ConfigurationError extends StartupError {
  override readonly name = 'ConfigurationError';
}
