package io.harrier.driver;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import io.harrier.client.Amendment;
import io.harrier.client.Attribute;
import io.harrier.client.Decision;
import io.harrier.client.HarrierException;
import io.harrier.client.Label;
import io.harrier.client.Location;
import io.harrier.client.NamedValue;
import io.harrier.client.Outcome;
import io.harrier.client.Reason;
import io.harrier.client.Result;
import io.harrier.client.Status;
import io.harrier.client.Transaction;
import io.harrier.client.Verdict;
import io.harrier.client.admin.BrakeChange;
import io.harrier.client.admin.Entity;
import io.harrier.client.admin.Explanation;
import io.harrier.client.admin.FindQuery;
import io.harrier.client.admin.Findings;
import io.harrier.client.admin.ListChange;
import io.harrier.client.admin.ListPage;
import io.harrier.client.admin.Reload;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.StreamSupport;

/** The driver's JSON: arguments and results of the calls. */
final class Json {
    private static final Gson GSON = new GsonBuilder().serializeNulls().disableHtmlEscaping().create();

    private Json() {}

    static String text(JsonObject object) {
        return GSON.toJson(object);
    }

    static JsonObject object(String name, JsonElement value) {
        JsonObject object = new JsonObject();
        object.add(name, value);
        return object;
    }

    static JsonArray texts(List<String> texts) {
        JsonArray array = new JsonArray();
        texts.forEach(array::add);
        return array;
    }

    static List<String> texts(JsonArray array) {
        return StreamSupport.stream(array.spliterator(), false).map(JsonElement::getAsString).toList();
    }

    private static <T> JsonArray array(Collection<T> items, Function<T, JsonElement> convert) {
        JsonArray array = new JsonArray();
        items.forEach(one -> array.add(convert.apply(one)));
        return array;
    }

    private static List<JsonObject> objects(JsonArray array) {
        return StreamSupport.stream(array.spliterator(), false).map(JsonElement::getAsJsonObject).toList();
    }

    // ------------------------------------------------------------------------------------------------------------
    // Arguments

    static Duration millis(JsonObject from, String name) {
        return Duration.ofNanos((long) (from.get(name).getAsDouble() * 1e6));
    }

    static Instant time(JsonObject from, String name) {
        return Instant.EPOCH.plus(from.get(name).getAsLong(), ChronoUnit.MICROS);
    }

    static Verdict verdict(String name) {
        return Verdict.valueOf(name.toUpperCase(Locale.ROOT));
    }

    static List<Transaction> transactions(JsonArray array) {
        return objects(array).stream().map(Json::transaction).toList();
    }

    static Transaction transaction(JsonObject from) {
        Transaction.Builder made = Transaction.builder(from.get("id").getAsString());
        for (String name : from.keySet()) {
            JsonElement value = from.get(name);
            switch (name) {
                case "id" -> { }
                case "event_time_us" -> made.eventTime(time(from, name));
                case "amount_minor" -> made.amountMinor(value.getAsLong());
                case "currency" -> made.currency(value.getAsString());
                case "card" -> made.card(value.getAsString());
                case "customer" -> made.customer(value.getAsString());
                case "account" -> made.account(value.getAsString());
                case "merchant" -> made.merchant(value.getAsString());
                case "terminal" -> made.terminal(value.getAsString());
                case "device" -> made.device(value.getAsString());
                case "ip" -> made.ip(value.getAsString());
                case "country" -> made.country(value.getAsString());
                case "mcc" -> made.mcc(value.getAsString());
                case "channel" -> made.channel(value.getAsString());
                case "email" -> made.email(value.getAsString());
                case "phone" -> made.phone(value.getAsString());
                case "source" -> made.source(value.getAsString(), 0);
                case "sequence" -> made.source(from.get("source").getAsString(), value.getAsLong());
                case "location" -> made.location(new Location(
                        value.getAsJsonObject().get("latitude_e7").getAsInt(),
                        value.getAsJsonObject().get("longitude_e7").getAsInt()));
                case "attributes" -> objects(value.getAsJsonArray()).forEach(one -> made.attribute(attribute(one)));
                default -> throw new IllegalArgumentException(name);
            }
        }
        return made.build();
    }

    private static Attribute attribute(JsonObject from) {
        String name = from.get("name").getAsString();
        if (from.has("text")) {
            return Attribute.of(name, from.get("text").getAsString());
        }
        if (from.has("integer")) {
            return Attribute.of(name, from.get("integer").getAsLong());
        }
        if (from.has("number")) {
            return Attribute.of(name, from.get("number").getAsDouble());
        }
        return Attribute.of(name, from.get("flag").getAsBoolean());
    }

    static List<Outcome> outcomes(JsonArray array) {
        return objects(array).stream()
                .map(one -> new Outcome(
                        one.get("transaction_id").getAsString(),
                        Label.valueOf(one.get("label").getAsString().toUpperCase(Locale.ROOT))))
                .toList();
    }

    static List<Amendment> amendments(JsonArray array) {
        return objects(array).stream()
                .map(one -> new Amendment(
                        one.get("transaction_id").getAsString(),
                        Amendment.Kind.valueOf(one.get("kind").getAsString().toUpperCase(Locale.ROOT)),
                        one.has("amount_minor") ? one.get("amount_minor").getAsLong() : 0,
                        one.has("known_time_us") ? time(one, "known_time_us") : null,
                        one.has("source") ? one.get("source").getAsString() : "",
                        one.has("currency") ? one.get("currency").getAsString() : ""))
                .toList();
    }

    static List<ListChange> changes(JsonArray array) {
        List<ListChange> changes = new ArrayList<>();
        for (JsonObject one : objects(array)) {
            changes.add(new ListChange(
                    one.get("list").getAsString(), one.get("value").getAsString(),
                    one.has("remove") && one.get("remove").getAsBoolean(),
                    one.has("expiry_time_us") ? time(one, "expiry_time_us") : null,
                    one.has("source") ? one.get("source").getAsString() : "",
                    one.has("reason") ? one.get("reason").getAsString() : ""));
        }
        return changes;
    }

    static BrakeChange brake(JsonObject c) {
        return new BrakeChange(
                c.has("rule") ? c.get("rule").getAsString() : "",
                c.has("policy") && c.get("policy").getAsBoolean(), c.has("pull") && c.get("pull").getAsBoolean(), 0,
                c.has("source") ? c.get("source").getAsString() : "",
                c.has("reason") ? c.get("reason").getAsString() : "");
    }

    // ------------------------------------------------------------------------------------------------------------
    // Results

    static JsonObject error(HarrierException error) {
        JsonObject object = new JsonObject();
        object.addProperty("code", error.code().code());
        object.addProperty("field", error.field());
        object.addProperty("message", error.getMessage());
        boolean no = error.decided() == HarrierException.Decided.NO;
        object.add("decided", no ? new JsonPrimitive(false) : JsonNull.INSTANCE);
        return object("error", object);
    }

    static <T> JsonObject results(List<Result<T>> results, Function<T, JsonObject> convert) {
        return object("results", array(results, one -> one.isOk() ? convert.apply(one.value()) : error(one.error())));
    }

    static JsonObject single(Decision decision) {
        return object("results", array(List.of(decision), Json::decision));
    }

    static JsonObject decision(Decision decision) {
        return object("decision", plain(decision));
    }

    private static JsonObject plain(Decision d) {
        JsonObject object = new JsonObject();
        object.addProperty("transaction_id", d.transactionId());
        object.addProperty("verdict", d.verdict().code());
        object.addProperty("score", d.score());
        object.addProperty("position", d.position());
        object.addProperty("duplicate", d.duplicate());
        object.add("reasons", texts(d.reasons().stream().map(Reason::rule).toList()));
        object.add("failed_rules", texts(d.failedRules()));
        object.addProperty("fallback", d.fallback());
        object.addProperty("fallback_reason", d.fallbackReason() == null ? "" : d.fallbackReason().code());
        return object;
    }

    static JsonObject accepted(Outcome.Accepted accepted) {
        JsonObject object = new JsonObject();
        object.addProperty("changed", accepted.changed());
        object.addProperty("previous", accepted.previous().code());
        return object("accepted", object);
    }

    static JsonObject amended(Amendment.Accepted accepted) {
        JsonObject object = new JsonObject();
        object.addProperty("transaction_id", accepted.transactionId());
        object.addProperty("position", accepted.position());
        object.addProperty("changed", accepted.changed());
        object.add("previous", plain(accepted.previous()));
        object.add("now", plain(accepted.now()));
        return object("accepted", object);
    }

    private static JsonObject plain(Amendment.AmendedTransaction a) {
        JsonObject object = new JsonObject();
        object.addProperty("voided", a.voided());
        object.addProperty("amount_minor", a.amountMinor());
        object.addProperty("refunded_minor", a.refundedMinor());
        return object;
    }

    static JsonObject status(Status status) {
        JsonObject object = new JsonObject();
        object.addProperty("state", status.state());
        object.addProperty("transactions", status.archive().transactions());
        object.addProperty("node", status.cluster().node());
        object.addProperty("primary", status.cluster().primary());
        object.addProperty("committed_position", status.cluster().committedPosition());
        return object("status", object);
    }

    private static long micros(Instant time) {
        return time == null ? 0 : ChronoUnit.MICROS.between(Instant.EPOCH, time);
    }

    private static String hex(long id) {
        return String.format("%016x", id);
    }

    private static JsonObject values(List<NamedValue> values) {
        JsonObject object = new JsonObject();
        values.forEach(one -> object.add(one.name(), value(one.value())));
        return object;
    }

    private static JsonElement value(Object value) {
        if (value instanceof Instant time) {
            return new JsonPrimitive(micros(time));
        }
        if (value instanceof Duration duration) {
            return new JsonPrimitive(micros(Instant.EPOCH.plus(duration)));
        }
        return value == null ? JsonNull.INSTANCE : GSON.toJsonTree(value);
    }

    static JsonObject entity(Entity entity) {
        JsonObject object = new JsonObject();
        object.add("features", values(entity.features()));
        object.addProperty("newest_time_us", micros(entity.newestTime()));
        object.addProperty("entries", entity.entries());
        object.addProperty("state_bytes", entity.stateBytes());
        object.addProperty("state_hash", hex(entity.stateHash()));
        object.addProperty("at_time_us", micros(entity.atTime()));
        return object("entity", object);
    }

    static JsonObject changed(ListChange.Changed changed) {
        JsonObject object = new JsonObject();
        object.addProperty("list", changed.list());
        object.addProperty("value", changed.value());
        object.addProperty("position", changed.position());
        object.addProperty("changed", changed.changed());
        object.addProperty("was_there", changed.wasThere());
        object.addProperty("previous_expiry_time_us", micros(changed.previousExpiryTime()));
        object.addProperty("in_policy", changed.inPolicy());
        return object("changed", object);
    }

    static JsonObject braked(BrakeChange.Changed changed) {
        JsonObject one = new JsonObject();
        one.addProperty("changed", changed.changed());
        one.addProperty("position", changed.position());
        JsonArray results = new JsonArray();
        results.add(one);
        JsonObject made = new JsonObject();
        made.add("results", results);
        return made;
    }

    static JsonObject page(ListPage page) {
        JsonObject answer = new JsonObject();
        answer.add("lists", array(page.lists(), list -> {
            JsonObject object = new JsonObject();
            object.addProperty("list", list.list());
            object.addProperty("type", list.type());
            object.addProperty("declared", list.declared());
            object.addProperty("runtime", list.runtime());
            object.addProperty("policy_entries", list.policyEntries());
            object.addProperty("added_entries", list.addedEntries());
            object.addProperty("used_entries", list.usedEntries());
            object.addProperty("changes", list.changes());
            return object;
        }));
        answer.add("entries", array(page.entries(), entry -> {
            JsonObject object = new JsonObject();
            object.addProperty("value", entry.value());
            object.addProperty("expiry_time_us", micros(entry.expiryTime()));
            object.addProperty("position", entry.position());
            object.addProperty("source", entry.source());
            object.addProperty("reason", entry.reason());
            return object;
        }));
        answer.addProperty("next_position", page.nextPosition());
        return answer;
    }

    static JsonObject reload(Reload reload) {
        JsonObject object = new JsonObject();
        object.addProperty("result", reload.result().code());
        object.addProperty("policy_name", reload.policyName());
        object.addProperty("snapshot_id", hex(reload.snapshotId()));
        object.addProperty("error", reload.error());
        object.addProperty("messages", reload.messages());
        object.add("shadows", array(reload.shadows(), shadow -> {
            JsonObject one = new JsonObject();
            one.addProperty("folder", shadow.folder());
            one.addProperty("result", shadow.result().code());
            one.addProperty("error", shadow.error());
            return one;
        }));
        return object("reload", object);
    }

    static FindQuery findQuery(JsonObject c) {
        FindQuery.Builder query = FindQuery.builder();
        if (c.has("verdicts")) {
            query.verdicts(names(c, "verdicts").stream().map(name -> Verdict.valueOf(name.toUpperCase(Locale.ROOT))).toList());
        }
        if (c.has("labels")) {
            query.labels(names(c, "labels").stream().map(name -> Label.valueOf(name.toUpperCase(Locale.ROOT))).toList());
        }
        if (c.has("score")) {
            JsonArray score = c.getAsJsonArray("score");
            query.score(score.get(0).getAsLong(), score.get(1).getAsLong());
        }
        if (c.has("card")) {
            query.key("card", c.get("card").getAsString());
        }
        if (c.has("rule")) {
            query.rule(c.get("rule").getAsString(), c.has("shadow") && c.get("shadow").getAsBoolean());
        }
        if (c.has("limit")) {
            query.limit(c.get("limit").getAsInt());
        }
        if (c.has("cursor")) {
            query.cursor(c.get("cursor").getAsString());
        }
        return query.build();
    }

    private static List<String> names(JsonObject c, String member) {
        return c.getAsJsonArray(member).asList().stream().map(JsonElement::getAsString).toList();
    }

    static JsonObject findings(Findings page) {
        JsonObject object = new JsonObject();
        object.addProperty("cursor", page.cursor());
        object.addProperty("incomplete", page.incomplete());
        object.add("found", array(page.transactions(), found -> {
            JsonObject one = new JsonObject();
            one.addProperty("transaction_id", found.transaction().id());
            one.addProperty("card", found.transaction().card());
            one.addProperty("verdict", found.decision().verdict().code());
            one.addProperty("position", found.decision().position());
            one.addProperty("label", found.label().code());
            one.addProperty("voided", found.amended() == null ? null : found.amended().voided());
            return one;
        }));
        return object("findings", object);
    }

    static JsonObject explanation(Explanation e) {
        JsonObject object = new JsonObject();
        object.addProperty("transaction_id", e.transaction().id());
        object.addProperty("position", e.position());
        object.addProperty("equal", e.equal());
        object.addProperty("difference", e.difference());
        object.add("archived", plain(e.archived()));
        Decision derived = e.policy().decision();
        object.add("derived", derived == null ? JsonNull.INSTANCE : plain(derived));
        object.add("features", values(derived == null ? List.of() : derived.features()));
        object.add("entities", array(e.entities(), entity -> {
            JsonObject one = new JsonObject();
            one.addProperty("name", entity.name());
            one.addProperty("key", entity.key());
            one.addProperty("entries", entity.entries());
            one.addProperty("in_tables", entity.inTables());
            return one;
        }));
        object.add("outcomes", array(e.outcomes(), outcome -> {
            JsonObject one = new JsonObject();
            one.addProperty("previous", outcome.previous().code());
            one.addProperty("label", outcome.label().code());
            one.addProperty("source", outcome.source());
            return one;
        }));
        object.add("amendments", array(e.amendments(), amendment -> {
            JsonObject one = new JsonObject();
            one.addProperty("position", amendment.position());
            one.addProperty("receive_time_us", micros(amendment.receiveTime()));
            one.addProperty("known_time_us", micros(amendment.knownTime()));
            one.add("previous", plain(amendment.previous()));
            one.add("now", plain(amendment.now()));
            one.addProperty("source", amendment.source());
            return one;
        }));
        object.add("rules", array(e.policy().rules(), rule -> {
            JsonObject one = new JsonObject();
            one.addProperty("name", rule.name());
            one.addProperty("mode", rule.mode().name().toLowerCase(Locale.ROOT));
            one.addProperty("fate", rule.fate().name().toLowerCase(Locale.ROOT));
            one.addProperty("score", rule.score());
            one.add("parts", texts(rule.parts().stream().map(Explanation.Part::text).toList()));
            return one;
        }));
        object.add("cutoffs", array(e.policy().cutoffs(), cutoff -> {
            JsonObject one = new JsonObject();
            one.addProperty("verdict", cutoff.verdict().code());
            one.addProperty("score", cutoff.score());
            return one;
        }));
        object.add("fields", texts(e.policy().fields().stream().map(NamedValue::name).toList()));
        return object("explanation", object);
    }
}
