package io.harrier.client.admin;

import io.harrier.client.Result;
import io.harrier.client.Status;
import io.harrier.client.internal.Codes;
import java.util.List;

/**
 * What became of a reload of the policy and the shadow policies. A refused policy is a result, not an error.
 *
 * @param result of the policy; {@link Result#NONE} if the call did not wait, and then nothing else is set
 * @param policyName the policy in force now
 * @param snapshotId its id
 * @param error why it was refused
 * @param messages what {@code harrier check} reports for the folder, with line breaks
 * @param warming what has no history in the tables yet
 * @param shadows one for each shadow policy, in the order of the server's options
 */
public record Reload(
        Result result,
        String policyName,
        long snapshotId,
        String error,
        String messages,
        Status.Warming warming,
        List<Shadow> shadows) {

    /** What became of one policy. */
    public enum Result {
        /** The call did not wait for the reload. */
        NONE,
        /** The policy is in force. */
        ADOPTED,
        /** The files are those of the policy in force. */
        UNCHANGED,
        /** It has an error or a failed case; the one in force stays. */
        REFUSED;

        /**
         * The name in all clients.
         *
         * @return such as {@code "adopted"}
         */
        public String code() {
            return Codes.lower(this);
        }
    }

    /**
     * A shadow policy.
     *
     * @param folder as in the server's options
     * @param result what became of it
     * @param policyName the shadow policy in use from now on; empty if there is none for this folder
     * @param snapshotId its id
     * @param error why it was refused
     * @param messages as in {@link Reload}
     */
    public record Shadow(
            String folder, Result result, String policyName, long snapshotId, String error, String messages) {}
}
