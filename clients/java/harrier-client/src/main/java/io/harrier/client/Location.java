package io.harrier.client;

/**
 * A place in degrees, WGS 84. The wire has it in units of 10<sup>-7</sup> degrees, and these numbers too.
 *
 * @param latitudeE7 degrees × 10<sup>7</sup>, -900,000,000 to 900,000,000
 * @param longitudeE7 degrees × 10<sup>7</sup>, -1,800,000,000 to 1,800,000,000
 */
public record Location(int latitudeE7, int longitudeE7) {
    /**
     * A place from degrees, rounded to 10<sup>-7</sup> of a degree (1 cm).
     *
     * @param latitude in degrees
     * @param longitude in degrees
     * @return the place
     * @throws HarrierException.Invalid if one of them is no number of degrees
     */
    public static Location ofDegrees(double latitude, double longitude) {
        return new Location(toE7(latitude, "location.latitude_e7"), toE7(longitude, "location.longitude_e7"));
    }

    private static int toE7(double degrees, String field) {
        double scaled = Math.rint(degrees * 1e7);
        // This way round NaN, which compares false, is refused too.
        if (!(Math.abs(scaled) <= Integer.MAX_VALUE)) {
            throw HarrierException.invalid(field, degrees + "; expected degrees");
        }
        return (int) scaled;
    }
}
