/** A reason not to start that whoever starts the service can mend: shown as it is, without a stack. */
export class StartupError extends Error {
  override readonly name: string = 'StartupError';
}

/** Names the variables that are wrong and what they must be, never their values. */
export class ConfigurationError extends StartupError {
  override readonly name = 'ConfigurationError';
}
