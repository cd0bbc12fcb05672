package io.harrier.example;

import io.harrier.client.Decision;
import io.harrier.client.HarrierClient;
import io.harrier.client.HarrierException;
import io.harrier.client.Reason;
import io.harrier.client.Transaction;
import java.time.Instant;
import java.util.List;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RestController;

@RestController
class CheckoutController {
    /** An order. The card is a token, never its number. */
    record Order(String id, long amountMinor, String currency, String card, String customer, String country) {}

    record Answer(String order, String outcome, List<String> reasons, boolean fallback) {}

    private final HarrierClient harrier;

    CheckoutController(HarrierClient harrier) {
        this.harrier = harrier;
    }

    @PostMapping("/checkout")
    ResponseEntity<Answer> checkout(@RequestBody Order order) {
        Decision decision = harrier.score(Transaction.builder(order.id())
                .eventTime(Instant.now())
                .amount(order.amountMinor(), order.currency())
                .card(text(order.card()))
                .customer(text(order.customer()))
                .country(text(order.country()))
                .channel("ecom")
                .build());
        List<String> reasons = decision.reasons().stream().filter(one -> !one.shadow()).map(Reason::text).toList();
        return switch (decision.verdict()) {
            case APPROVE -> answer(HttpStatus.OK, "approved", decision, reasons);
            case REVIEW -> answer(HttpStatus.ACCEPTED, "in review", decision, reasons);
            case CHALLENGE -> answer(HttpStatus.ACCEPTED, "needs confirmation", decision, reasons);
            case DECLINE -> answer(HttpStatus.PAYMENT_REQUIRED, "declined", decision, reasons);
        };
    }

    /** The fallback replaces what is the server's fault; what is left is a mistake in the order. */
    @ExceptionHandler
    ResponseEntity<String> refused(HarrierException.Invalid error) {
        return ResponseEntity.badRequest().body(error.field() + ": " + error.getMessage());
    }

    private static ResponseEntity<Answer> answer(
            HttpStatus status, String outcome, Decision decision, List<String> reasons) {
        Answer body = new Answer(decision.transactionId(), outcome, reasons, decision.fallback());
        return ResponseEntity.status(status).body(body);
    }

    private static String text(String given) {
        return given == null ? "" : given;
    }
}
