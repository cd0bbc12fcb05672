/** The client as a bean of Spring Boot. */
package io.harrier.spring;
