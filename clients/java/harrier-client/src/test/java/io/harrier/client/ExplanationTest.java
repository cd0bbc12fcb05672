package io.harrier.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.harrier.client.admin.Explanation;
import io.harrier.client.internal.wire.Wire;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class ExplanationTest {
    private FakeServer server;

    @BeforeEach
    void start() throws IOException {
        server = FakeServer.start();
    }

    @AfterEach
    void stop() throws IOException {
        server.close();
    }

    private Explanation explain(String experiment, Wire.ExplainedPolicy.Builder policy) {
        Wire.Decision decision = Wire.Decision.newBuilder().setVerdict(Wire.Verdict.VERDICT_APPROVE).build();
        Wire.ExplainResponse explained = Wire.ExplainResponse.newBuilder()
                .setTransaction(Wire.Transaction.newBuilder().setId("t1"))
                .setArchived(decision)
                .setThen(policy.setDecision(decision))
                .setExperiment(experiment)
                .build();
        server.answering(request -> Wire.Response.newBuilder().setExplain(explained).build());
        try (HarrierClient client =
                HarrierClient.builder(server.address()).deadline(Duration.ofSeconds(100)).build()) {
            return client.explain("t1", CallOptions.none());
        }
    }

    @Test
    void itHasModelsArmsAndTheExperiment() {
        Wire.ExplainedPolicy.Builder policy = Wire.ExplainedPolicy.newBuilder()
                .addShadows(Wire.ExplainedShadow.newBuilder().setName("b").setArm(Wire.Arm.ARM_CHALLENGER))
                .addShadows(Wire.ExplainedShadow.newBuilder().setName("c"))
                .addModels(Wire.ExplainedModel.newBuilder().setName("models.fraud").setBias(-1).setMargin(-0.75)
                        .addInputs(Wire.NamedValue.newBuilder().setName("count").setInteger(3)).addContributions(0.5)
                        .addInputs(Wire.NamedValue.newBuilder().setName("ratio")).addContributions(-0.25));
        Explanation found = explain("spring", policy);
        assertEquals("spring", found.experiment());
        assertEquals(
                List.of("challenger", ""),
                found.policy().shadows().stream().map(Explanation.Shadow::arm).toList());
        assertEquals(
                List.of(new Explanation.Model(
                        "models.fraud",
                        List.of(new Explanation.Input("count", 3L, 0.5), new Explanation.Input("ratio", null, -0.25)),
                        -1, -0.75)),
                found.policy().models());
        Explanation older = explain("", Wire.ExplainedPolicy.newBuilder()); // as from an older server
        assertEquals("", older.experiment());
        assertEquals(List.of(), older.policy().models());
    }

    @Test
    void aModelWithoutItsInputsIsRefused() {
        Wire.ExplainedPolicy.Builder policy = Wire.ExplainedPolicy.newBuilder()
                .addModels(Wire.ExplainedModel.newBuilder().addContributions(0.5));
        assertThrows(HarrierException.Protocol.class, () -> explain("", policy));
    }
}
