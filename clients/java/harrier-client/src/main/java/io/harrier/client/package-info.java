/**
 * The client of {@code harrierd}, a fraud-scoring server. Start with {@link io.harrier.client.HarrierClient}.
 *
 * <p>Unless a type says otherwise: times have a resolution of microseconds, and what is finer is cut off; a text, time
 * or number that is absent is {@code ""}, {@code null} or 0; money is in minor units (cents) of an ISO 4217 currency;
 * every type is immutable. Ids of policies and tables are unsigned 64-bit numbers, shown to people as 16 hexadecimal
 * digits ({@code String.format("%016x", id)}).
 */
package io.harrier.client;
