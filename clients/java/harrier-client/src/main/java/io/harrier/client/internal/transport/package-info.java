/**
 * Connections to servers: sockets with and without TLS, the frames of SP, which address is used, the event loop. Knows
 * requests as bytes, and nothing of the types of {@link io.harrier.client}. No part of the API.
 */
package io.harrier.client.internal.transport;
