package io.harrier.client.internal.transport;

import java.util.Arrays;

/**
 * One call's search for the primary, once a standby has answered it: which addresses have answered so, and when the call
 * last waited.
 */
public final class Search {
    private int[] answers = new int[0]; // by index: which of the standbys' answers was its last one, from 1; 0: none
    private int count; // of those answers
    private int waited; // the count when the call last waited
    private int waits; // because no address was left that may be the primary
    private int named = -1; // the primary, as the last standby said; -1: none of the addresses

    /**
     * A standby answered.
     *
     * @param primary the address that it named; -1: none of the client's
     */
    public void answered(int index, int primary) {
        if (index >= answers.length) {
            answers = Arrays.copyOf(answers, index + 1);
        }
        answers[index] = ++count;
        named = primary;
    }

    /** Orders addresses by their last answers: a lower one is longer ago. */
    int last(int index) {
        return index < answers.length ? answers[index] : 0;
    }

    /** It has answered since the call last waited. */
    boolean tried(int index) {
        return last(index) > waited;
    }

    boolean isNamed(int index) {
        return index == named;
    }

    /** From here on the call may try all addresses again. */
    public void waiting() {
        waited = count;
    }

    /** Returns which wait for a primary it is, from 1. */
    public int countWait() {
        return ++waits;
    }
}
