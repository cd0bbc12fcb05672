package io.harrier.client;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * A transaction to score. Texts are at most 128 bytes of UTF-8 without control characters; the server checks them.
 *
 * @param id chosen by the caller, unique; 1 to 128 bytes. A repeated id with the same content gets the first decision
 *     back
 * @param eventTime when it happened, by the caller's clock; null: absent, which the server refuses
 * @param amountMinor in minor units of the currency (EUR 5.00 is 500): 0 to 9,999,999,999,999
 * @param currency ISO 4217, three capital letters; needed unless the amount is 0
 * @param card a token of the card, never its number
 * @param customer the customer
 * @param account the account
 * @param merchant the merchant
 * @param terminal the terminal
 * @param device the device
 * @param ip an IPv4 or IPv6 address in text form
 * @param country where it takes place: ISO 3166-1 alpha-2, two capital letters
 * @param mcc the merchant category code of ISO 18245, four digits
 * @param channel how it came in, such as {@code "ecom"} or {@code "pos"}
 * @param email the e-mail address
 * @param phone the phone number
 * @param location where it takes place; null if that is not known
 * @param attributes fields that the policy's schema declares; at most 64
 * @param source who sends it, by a name of its own such as {@code "checkout-3"}
 * @param sequence the number that the source gives it: 1, rising by one; 0: none. The server notices numbers that are
 *     missing, or come twice
 */
public record Transaction(
        String id,
        Instant eventTime,
        long amountMinor,
        String currency,
        String card,
        String customer,
        String account,
        String merchant,
        String terminal,
        String device,
        String ip,
        String country,
        String mcc,
        String channel,
        String email,
        String phone,
        Location location,
        List<Attribute> attributes,
        String source,
        long sequence) {

    /** Checks for null and copies the attributes. */
    public Transaction {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(currency, "currency");
        Objects.requireNonNull(card, "card");
        Objects.requireNonNull(customer, "customer");
        Objects.requireNonNull(account, "account");
        Objects.requireNonNull(merchant, "merchant");
        Objects.requireNonNull(terminal, "terminal");
        Objects.requireNonNull(device, "device");
        Objects.requireNonNull(ip, "ip");
        Objects.requireNonNull(country, "country");
        Objects.requireNonNull(mcc, "mcc");
        Objects.requireNonNull(channel, "channel");
        Objects.requireNonNull(email, "email");
        Objects.requireNonNull(phone, "phone");
        Objects.requireNonNull(source, "source");
        attributes = List.copyOf(attributes);
    }

    /**
     * Starts a transaction.
     *
     * @param id chosen by the caller, unique
     * @return a builder in which everything else is absent
     */
    public static Builder builder(String id) {
        return new Builder(id);
    }

    /** Collects the fields of a {@link Transaction}. Not thread-safe. */
    public static final class Builder {
        private final String id;
        private Instant eventTime;
        private long amountMinor;
        private String currency = "";
        private String card = "";
        private String customer = "";
        private String account = "";
        private String merchant = "";
        private String terminal = "";
        private String device = "";
        private String ip = "";
        private String country = "";
        private String mcc = "";
        private String channel = "";
        private String email = "";
        private String phone = "";
        private Location location;
        private List<Attribute> attributes = List.of();
        private String source = "";
        private long sequence;

        private Builder(String id) {
            this.id = Objects.requireNonNull(id, "id");
        }

        /**
         * Sets when it happened.
         *
         * @param eventTime by the caller's clock
         * @return this
         */
        public Builder eventTime(Instant eventTime) {
            this.eventTime = eventTime;
            return this;
        }

        /**
         * Sets the amount and its currency.
         *
         * @param amountMinor in minor units (cents)
         * @param currency ISO 4217, three capital letters
         * @return this
         */
        public Builder amount(long amountMinor, String currency) {
            this.amountMinor = amountMinor;
            this.currency = currency;
            return this;
        }

        /**
         * Sets the amount only.
         *
         * @param amountMinor in minor units (cents)
         * @return this
         */
        public Builder amountMinor(long amountMinor) {
            this.amountMinor = amountMinor;
            return this;
        }

        /**
         * Sets currency.
         *
         * @param currency ISO 4217, three capital letters; needed unless the amount is 0
         * @return this
         */
        public Builder currency(String currency) {
            this.currency = currency;
            return this;
        }

        /**
         * Sets card.
         *
         * @param card a token of the card, never its number
         * @return this
         */
        public Builder card(String card) {
            this.card = card;
            return this;
        }

        /**
         * Sets customer.
         *
         * @param customer the customer
         * @return this
         */
        public Builder customer(String customer) {
            this.customer = customer;
            return this;
        }

        /**
         * Sets account.
         *
         * @param account the account
         * @return this
         */
        public Builder account(String account) {
            this.account = account;
            return this;
        }

        /**
         * Sets merchant.
         *
         * @param merchant the merchant
         * @return this
         */
        public Builder merchant(String merchant) {
            this.merchant = merchant;
            return this;
        }

        /**
         * Sets terminal.
         *
         * @param terminal the terminal
         * @return this
         */
        public Builder terminal(String terminal) {
            this.terminal = terminal;
            return this;
        }

        /**
         * Sets device.
         *
         * @param device the device
         * @return this
         */
        public Builder device(String device) {
            this.device = device;
            return this;
        }

        /**
         * Sets ip.
         *
         * @param ip an IPv4 or IPv6 address in text form
         * @return this
         */
        public Builder ip(String ip) {
            this.ip = ip;
            return this;
        }

        /**
         * Sets country.
         *
         * @param country where it takes place: ISO 3166-1 alpha-2, two capital letters
         * @return this
         */
        public Builder country(String country) {
            this.country = country;
            return this;
        }

        /**
         * Sets mcc.
         *
         * @param mcc the merchant category code of ISO 18245, four digits
         * @return this
         */
        public Builder mcc(String mcc) {
            this.mcc = mcc;
            return this;
        }

        /**
         * Sets channel.
         *
         * @param channel how it came in, such as {@code "ecom"} or {@code "pos"}
         * @return this
         */
        public Builder channel(String channel) {
            this.channel = channel;
            return this;
        }

        /**
         * Sets email.
         *
         * @param email the e-mail address
         * @return this
         */
        public Builder email(String email) {
            this.email = email;
            return this;
        }

        /**
         * Sets phone.
         *
         * @param phone the phone number
         * @return this
         */
        public Builder phone(String phone) {
            this.phone = phone;
            return this;
        }

        /**
         * Sets where it takes place.
         *
         * @param location in degrees
         * @return this
         */
        public Builder location(Location location) {
            this.location = location;
            return this;
        }

        /**
         * Adds a field that the policy's schema declares.
         *
         * @param attribute such as {@code Attribute.of("shipping", "express")}
         * @return this
         */
        public Builder attribute(Attribute attribute) {
            if (!(attributes instanceof ArrayList)) {
                attributes = new ArrayList<>(attributes);
            }
            attributes.add(attribute);
            return this;
        }

        /**
         * Sets who sends it, and as which number.
         *
         * @param source a name of the sender's own, such as {@code "checkout-3"}
         * @param sequence 1 for its first transaction, rising by one; 0: none
         * @return this
         */
        public Builder source(String source, long sequence) {
            this.source = source;
            this.sequence = sequence;
            return this;
        }

        /**
         * Makes the transaction.
         *
         * @return it; the builder can go on
         */
        public Transaction build() {
            return new Transaction(
                    id, eventTime, amountMinor, currency, card, customer, account, merchant, terminal, device, ip,
                    country, mcc, channel, email, phone, location, attributes, source, sequence);
        }
    }
}
