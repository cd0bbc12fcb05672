package io.harrier.client;

import java.util.ArrayList;
import java.util.List;

/** Fallback decisions: what scoring returns if there is no decision in time. */
record Fallbacks(Fallback fallback, List<Transaction> transactions, Meter meter) {
    /** The results of a call that ended with these, or with this error. Throws the error if it is not replaced. */
    List<Result<Decision>> apply(List<Result<Decision>> results, HarrierException error) {
        if (error == null) {
            return forResults(results);
        }
        if (!error.code().standsForCall()) {
            error.fillInStackTrace();
            throw error;
        }
        List<Result<Decision>> made = transactions.stream().map(one -> Result.of(decide(one, error))).toList();
        meter.fellBack(error.code(), made.size());
        return made;
    }

    /** Replaces the errors of single transactions. */
    private List<Result<Decision>> forResults(List<Result<Decision>> results) {
        List<Result<Decision>> made = new ArrayList<>(results);
        for (int i = 0; i < made.size(); i++) {
            HarrierException error = made.get(i).error();
            if (error != null && error.code().standsForTransaction()) {
                made.set(i, Result.of(decide(transactions.get(i), error)));
                meter.fellBack(error.code(), 1);
            }
        }
        return made;
    }

    private Decision decide(Transaction transaction, HarrierException error) {
        Verdict verdict = fallback.choose(transaction, error);
        if (verdict == null) {
            throw HarrierException.invalid("fallback", "the function returned no verdict");
        }
        return Decision.fallback(transaction.id(), verdict, error.code());
    }
}
