package io.harrier.client;

/**
 * The result of one item of a call with many: a value, or an error that did not affect the others.
 *
 * @param <T> what a success returns
 * @param value null if there is an error
 * @param error null if there is a value
 */
public record Result<T>(T value, HarrierException error) {
    static <T> Result<T> of(T value) {
        return new Result<>(value, null);
    }

    static <T> Result<T> failed(HarrierException error) {
        return new Result<>(null, error);
    }

    /**
     * Whether there is a value.
     *
     * @return false if there is an error
     */
    public boolean isOk() {
        return error == null;
    }

    /**
     * The value.
     *
     * @return never null
     * @throws HarrierException if there is an error
     */
    public T get() {
        if (error != null) {
            throw error;
        }
        return value;
    }
}
