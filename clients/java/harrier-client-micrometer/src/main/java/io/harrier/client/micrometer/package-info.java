/** A client's metrics in Micrometer. */
package io.harrier.client.micrometer;
