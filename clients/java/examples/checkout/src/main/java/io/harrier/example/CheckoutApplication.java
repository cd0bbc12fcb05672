package io.harrier.example;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;

/** A shop that asks Harrier before it takes an order. */
@SpringBootApplication
public class CheckoutApplication {
    public static void main(String[] arguments) {
        SpringApplication.run(CheckoutApplication.class, arguments);
    }
}
