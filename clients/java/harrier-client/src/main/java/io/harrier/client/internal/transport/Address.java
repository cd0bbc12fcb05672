package io.harrier.client.internal.transport;

import java.nio.charset.StandardCharsets;
import java.util.List;

/** The address of one server. host and port are those of tcp; path is that of ipc. */
public record Address(String text, Kind kind, String host, int port, String path) {
    public enum Kind {
        TCP,
        TLS,
        IPC
    }

    private static final int IPC_PATH_MAX = 107; // of sockaddr_un
    private static final String EXAMPLE = "expected for example tcp://127.0.0.1:7731, tls+tcp://scores.example:7731 or "
            + "ipc:///run/harrier/harrier.sock";

    /** Throws IllegalArgumentException, which says what is wrong with which address. */
    public static List<Address> parseAll(List<String> texts) {
        if (texts.isEmpty()) {
            throw new IllegalArgumentException("no address; " + EXAMPLE);
        }
        List<Address> parsed = texts.stream().map(Address::parse).toList();
        for (int i = 0; i < texts.size(); i++) {
            if (texts.indexOf(texts.get(i)) != i) {
                throw new IllegalArgumentException('"' + texts.get(i) + "\" is given twice");
            }
        }
        return parsed;
    }

    public static Address parse(String text) {
        if (text.startsWith("ipc://")) {
            return parseIpc(text, text.substring("ipc://".length()));
        }
        if (text.startsWith("tcp://")) {
            return parseTcp(text, Kind.TCP, text.substring("tcp://".length()));
        }
        if (text.startsWith("tls+tcp://")) {
            return parseTcp(text, Kind.TLS, text.substring("tls+tcp://".length()));
        }
        throw wrong(text, text.contains("://") ? "a transport that this client does not have" : "not an address");
    }

    private static Address parseIpc(String text, String path) {
        int length = path.getBytes(StandardCharsets.UTF_8).length;
        if (length == 0 || length > IPC_PATH_MAX || path.indexOf('\0') >= 0) {
            throw wrong(text, "a path of " + length + " bytes, not 1 to " + IPC_PATH_MAX);
        }
        return new Address(text, Kind.IPC, "", 0, path);
    }

    private static Address parseTcp(String text, Kind kind, String rest) {
        int colon = rest.lastIndexOf(':');
        String host = colon < 0 ? "" : rest.substring(0, colon);
        boolean bracketed = host.startsWith("[") && host.endsWith("]");
        if (bracketed) {
            host = host.substring(1, host.length() - 1);
        }
        if (host.isEmpty() || (host.indexOf(':') >= 0 && !bracketed) || host.indexOf('/') >= 0) {
            throw wrong(text, "not a host and a port");
        }
        return new Address(text, kind, host, parsePort(text, rest.substring(colon + 1)), "");
    }

    private static int parsePort(String text, String digits) {
        int port = 0;
        if (digits.length() <= 5 && digits.chars().allMatch(c -> c >= '0' && c <= '9') && !digits.isEmpty()) {
            port = Integer.parseInt(digits);
        }
        if (port < 1 || port > 65535) {
            throw wrong(text, "a port is 1 to 65535");
        }
        return port;
    }

    private static IllegalArgumentException wrong(String text, String why) {
        return new IllegalArgumentException('"' + text + "\": " + why + "; " + EXAMPLE);
    }
}
