package io.harrier.client;

import java.time.Instant;
import java.util.List;
import java.util.Map;

/**
 * What a server reports of itself.
 *
 * @param version the server's version
 * @param state {@code "starting"}, {@code "ready"}, {@code "standby"}, {@code "draining"} or {@code "unavailable"}
 * @param stateReason why; may be empty
 * @param startedTime when the server started
 * @param policy the policy in force, and its last reload
 * @param tables the tables in use, and their adoption
 * @param archive what the archive holds
 * @param overlay entities that have changed since the tables were built
 * @param cluster who the server is in its cluster; empty if its archive is not replicated
 * @param stateHash over the states of all entities; 0 unless asked for
 * @param duplicates repeated transactions since the start
 * @param rejected requests and single items refused since the start
 * @param brakes those that were pulled and not lifted, in the order of their positions: the first 100
 * @param brakeCount how many there are
 * @param sources of transactions: at most 256
 * @param otherSourceTransactions transactions that had another source
 */
public record Status(
        String version,
        String state,
        String stateReason,
        Instant startedTime,
        Policy policy,
        Tables tables,
        Archive archive,
        Overlay overlay,
        Cluster cluster,
        long stateHash,
        long duplicates,
        long rejected,
        List<Brake> brakes,
        long brakeCount,
        List<Source> sources,
        long otherSourceTransactions) {

    /**
     * Whether the server decides.
     *
     * @return true in state {@code "ready"}
     */
    public boolean isReady() {
        return state.equals("ready");
    }

    /**
     * Whether the server follows the one that decides.
     *
     * @return true in state {@code "standby"}
     */
    public boolean isStandby() {
        return state.equals("standby");
    }

    /**
     * The policy in force.
     *
     * @param name its name
     * @param snapshotId its id
     * @param reloadError why the last reload was refused; empty if it was not
     * @param refusedSince since when reloads have been refused; null if the last one was not
     * @param warming what has no history in the tables yet
     */
    public record Policy(String name, long snapshotId, String reloadError, Instant refusedSince, Warming warming) {}

    /**
     * Features that are new or changed since the tables were built, so that they have no history yet.
     *
     * @param features the first 50
     * @param featureCount how many there are
     * @param rules rules that use them: the first 50
     * @param ruleCount how many there are
     */
    public record Warming(List<String> features, long featureCount, List<String> rules, long ruleCount) {}

    /**
     * The tables in use.
     *
     * @param generationId their id; 0: none
     * @param position the archive position that they were built for
     * @param builtTime when they were built; null: none
     * @param stale they are too old, and decisions are marked as degraded
     * @param swapState what the adoption of new tables is doing, such as {@code "idle"}
     * @param swapReason how far it is, or why it ended
     * @param comparedEntities entities compared in the last swap that compared states
     * @param differingEntities those of them whose states differed
     */
    public record Tables(
            long generationId,
            long position,
            Instant builtTime,
            boolean stale,
            String swapState,
            String swapReason,
            long comparedEntities,
            long differingEntities) {}

    /**
     * What the archive holds, not only since the start.
     *
     * @param position of the last record
     * @param syncedPosition of the last record that is known to be on disk
     * @param transactions the number of transactions
     * @param outcomes the number of outcomes
     * @param labels transactions by their current label; labels without transactions are left out
     * @param newestEventTime event time of the newest transaction; null: none
     */
    public record Archive(
            long position,
            long syncedPosition,
            long transactions,
            long outcomes,
            Map<Label, Long> labels,
            Instant newestEventTime) {}

    /**
     * Entities in memory.
     *
     * @param entities how many
     * @param bytes of their states
     * @param memoryBytes that they take, about
     */
    public record Overlay(long entities, long bytes, long memoryBytes) {}

    /**
     * A brake that was pulled and not lifted: the rule acts as if in shadow.
     *
     * @param rule empty: the policy as a whole
     * @param definition a hash of the declaration that it is for
     * @param applies the policy in force declares the rule so
     * @param pulledTime when it was pulled
     * @param position of its record in the archive
     * @param source who pulled it; empty: the server
     * @param reason the person's, or what exceeded {@code at_most}
     */
    public record Brake(
            String rule,
            long definition,
            boolean applies,
            Instant pulledTime,
            long position,
            String source,
            String reason) {}

    /**
     * What the numbers of a source say, in the whole archive.
     *
     * @param source its name
     * @param transactions with and without a number
     * @param lastReceiveTime when the last one was received; null: none
     * @param first the lowest number since the numbering last began anew; 0: none
     * @param highest the highest one
     * @param gaps ranges of numbers that did not come in time
     * @param missed the numbers in them
     * @param late those of them that came after all
     * @param repeats numbers that came again, with another transaction
     * @param restarts how often the numbering began anew
     * @param missing the last ranges that are still missing, at most 10, in rising order
     */
    public record Source(
            String source,
            long transactions,
            Instant lastReceiveTime,
            long first,
            long highest,
            long gaps,
            long missed,
            long late,
            long repeats,
            long restarts,
            List<SourceRange> missing) {}

    /**
     * A range of numbers.
     *
     * @param first the first one
     * @param last the last one, included
     */
    public record SourceRange(long first, long last) {}

    /**
     * A server among those that keep the same archive.
     *
     * @param node its name in the cluster
     * @param primary the address of the server that decides, as far as this one knows; its own if it does itself
     * @param committedPosition of the last record that is known to be committed on the log
     */
    public record Cluster(String node, String primary, long committedPosition) {}
}
