/**
 * What the calls return that a token with the scope {@code admin} may make: entities, lists, reloads, explanations. The
 * conventions of {@link io.harrier.client} hold here, too.
 */
package io.harrier.client.admin;
