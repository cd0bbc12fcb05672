/** Client for a Harrier fraud-scoring server. */
export * from './analyst_types.js';
export { Batcher, type BatchedOptions, type BatcherOptions } from './batcher.js';
export { Client, type EntityOptions, type ListOptions, type ReloadOptions, type StatusOptions } from './client.js';
export * from './errors.js';
export * from './find_types.js';
export type { CallOptions, ClientOptions, Fallback, Metrics, ScoreOptions, TlsOptions } from './options.js';
export { isPseudonym, pseudonym } from './pseudonym.js';
export * from './types.js';

export const version = '0.1.0';
