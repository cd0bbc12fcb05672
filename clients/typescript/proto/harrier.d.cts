import * as $protobuf from "protobufjs/minimal";
import Long = require("long");

/** Namespace harrier. */
export namespace harrier {

    /** Namespace v1. */
    namespace v1 {

        /**
         * Properties of a Request.
         * @deprecated Use harrier.v1.Request.$Properties instead.
         */
        interface IRequest extends harrier.v1.Request.$Properties {
        }

        /** Represents a Request. */
        class Request {

            /**
             * Constructs a new Request.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.Request.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Request protocol. */
            protocol: number;

            /** Request deadline_us. */
            deadline_us: (number|Long);

            /** Request token. */
            token: string;

            /** Request traceparent. */
            traceparent: string;

            /** Request score. */
            score?: (harrier.v1.ScoreRequest.$Properties|null);

            /** Request report_outcome. */
            report_outcome?: (harrier.v1.ReportOutcomeRequest.$Properties|null);

            /** Request get_entity. */
            get_entity?: (harrier.v1.GetEntityRequest.$Properties|null);

            /** Request status. */
            status?: (harrier.v1.StatusRequest.$Properties|null);

            /** Request change_list. */
            change_list?: (harrier.v1.ChangeListRequest.$Properties|null);

            /** Request get_list. */
            get_list?: (harrier.v1.GetListRequest.$Properties|null);

            /** Request reload. */
            reload?: (harrier.v1.ReloadRequest.$Properties|null);

            /** Request explain. */
            explain?: (harrier.v1.ExplainRequest.$Properties|null);

            /** Request amend. */
            amend?: (harrier.v1.AmendRequest.$Properties|null);

            /** Request change_brake. */
            change_brake?: (harrier.v1.ChangeBrakeRequest.$Properties|null);

            /** Request find. */
            find?: (harrier.v1.FindRequest.$Properties|null);

            /** Request backfill. */
            backfill?: (harrier.v1.BackfillRequest.$Properties|null);

            /** Request call. */
            call?: ("score"|"report_outcome"|"get_entity"|"status"|"change_list"|"get_list"|"reload"|"explain"|"amend"|"change_brake"|"find"|"backfill");

            /**
             * Encodes the specified Request message. Does not implicitly {@link harrier.v1.Request.verify|verify} messages.
             * @param message Request message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.Request.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Request message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.Request & harrier.v1.Request.$Shape} Request
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.Request & harrier.v1.Request.$Shape;
        }

        namespace Request {

            /** Properties of a Request. */
            interface $Properties {

                /** Request protocol */
                protocol?: (number|null);

                /** Request deadline_us */
                deadline_us?: (number|Long|null);

                /** Request token */
                token?: (string|null);

                /** Request traceparent */
                traceparent?: (string|null);

                /** Request score */
                score?: (harrier.v1.ScoreRequest.$Properties|null);

                /** Request report_outcome */
                report_outcome?: (harrier.v1.ReportOutcomeRequest.$Properties|null);

                /** Request get_entity */
                get_entity?: (harrier.v1.GetEntityRequest.$Properties|null);

                /** Request status */
                status?: (harrier.v1.StatusRequest.$Properties|null);

                /** Request change_list */
                change_list?: (harrier.v1.ChangeListRequest.$Properties|null);

                /** Request get_list */
                get_list?: (harrier.v1.GetListRequest.$Properties|null);

                /** Request reload */
                reload?: (harrier.v1.ReloadRequest.$Properties|null);

                /** Request explain */
                explain?: (harrier.v1.ExplainRequest.$Properties|null);

                /** Request amend */
                amend?: (harrier.v1.AmendRequest.$Properties|null);

                /** Request change_brake */
                change_brake?: (harrier.v1.ChangeBrakeRequest.$Properties|null);

                /** Request find */
                find?: (harrier.v1.FindRequest.$Properties|null);

                /** Request backfill */
                backfill?: (harrier.v1.BackfillRequest.$Properties|null);

                /** Request call */
                call?: ("score"|"report_outcome"|"get_entity"|"status"|"change_list"|"get_list"|"reload"|"explain"|"amend"|"change_brake"|"find"|"backfill");

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Narrowed shape of a Request. */
            type $Shape = {
              protocol?: number|null;
              deadline_us?: number|Long|null;
              token?: string|null;
              traceparent?: string|null;
              score?: harrier.v1.ScoreRequest.$Shape|null;
              report_outcome?: harrier.v1.ReportOutcomeRequest.$Shape|null;
              get_entity?: harrier.v1.GetEntityRequest.$Shape|null;
              status?: harrier.v1.StatusRequest.$Shape|null;
              change_list?: harrier.v1.ChangeListRequest.$Shape|null;
              get_list?: harrier.v1.GetListRequest.$Shape|null;
              reload?: harrier.v1.ReloadRequest.$Shape|null;
              explain?: harrier.v1.ExplainRequest.$Shape|null;
              amend?: harrier.v1.AmendRequest.$Shape|null;
              change_brake?: harrier.v1.ChangeBrakeRequest.$Shape|null;
              find?: harrier.v1.FindRequest.$Shape|null;
              backfill?: harrier.v1.BackfillRequest.$Shape|null;
              $unknowns?: Uint8Array[];
            } & (
              ({ call?: undefined; score?: null; report_outcome?: null; get_entity?: null; status?: null; change_list?: null; get_list?: null; reload?: null; explain?: null; amend?: null; change_brake?: null; find?: null; backfill?: null }|{ call?: "score"; score: harrier.v1.ScoreRequest.$Shape; report_outcome?: null; get_entity?: null; status?: null; change_list?: null; get_list?: null; reload?: null; explain?: null; amend?: null; change_brake?: null; find?: null; backfill?: null }|{ call?: "report_outcome"; score?: null; report_outcome: harrier.v1.ReportOutcomeRequest.$Shape; get_entity?: null; status?: null; change_list?: null; get_list?: null; reload?: null; explain?: null; amend?: null; change_brake?: null; find?: null; backfill?: null }|{ call?: "get_entity"; score?: null; report_outcome?: null; get_entity: harrier.v1.GetEntityRequest.$Shape; status?: null; change_list?: null; get_list?: null; reload?: null; explain?: null; amend?: null; change_brake?: null; find?: null; backfill?: null }|{ call?: "status"; score?: null; report_outcome?: null; get_entity?: null; status: harrier.v1.StatusRequest.$Shape; change_list?: null; get_list?: null; reload?: null; explain?: null; amend?: null; change_brake?: null; find?: null; backfill?: null }|{ call?: "change_list"; score?: null; report_outcome?: null; get_entity?: null; status?: null; change_list: harrier.v1.ChangeListRequest.$Shape; get_list?: null; reload?: null; explain?: null; amend?: null; change_brake?: null; find?: null; backfill?: null }|{ call?: "get_list"; score?: null; report_outcome?: null; get_entity?: null; status?: null; change_list?: null; get_list: harrier.v1.GetListRequest.$Shape; reload?: null; explain?: null; amend?: null; change_brake?: null; find?: null; backfill?: null }|{ call?: "reload"; score?: null; report_outcome?: null; get_entity?: null; status?: null; change_list?: null; get_list?: null; reload: harrier.v1.ReloadRequest.$Shape; explain?: null; amend?: null; change_brake?: null; find?: null; backfill?: null }|{ call?: "explain"; score?: null; report_outcome?: null; get_entity?: null; status?: null; change_list?: null; get_list?: null; reload?: null; explain: harrier.v1.ExplainRequest.$Shape; amend?: null; change_brake?: null; find?: null; backfill?: null }|{ call?: "amend"; score?: null; report_outcome?: null; get_entity?: null; status?: null; change_list?: null; get_list?: null; reload?: null; explain?: null; amend: harrier.v1.AmendRequest.$Shape; change_brake?: null; find?: null; backfill?: null }|{ call?: "change_brake"; score?: null; report_outcome?: null; get_entity?: null; status?: null; change_list?: null; get_list?: null; reload?: null; explain?: null; amend?: null; change_brake: harrier.v1.ChangeBrakeRequest.$Shape; find?: null; backfill?: null }|{ call?: "find"; score?: null; report_outcome?: null; get_entity?: null; status?: null; change_list?: null; get_list?: null; reload?: null; explain?: null; amend?: null; change_brake?: null; find: harrier.v1.FindRequest.$Shape; backfill?: null }|{ call?: "backfill"; score?: null; report_outcome?: null; get_entity?: null; status?: null; change_list?: null; get_list?: null; reload?: null; explain?: null; amend?: null; change_brake?: null; find?: null; backfill: harrier.v1.BackfillRequest.$Shape })
            );
        }

        /**
         * Properties of a Response.
         * @deprecated Use harrier.v1.Response.$Properties instead.
         */
        interface IResponse extends harrier.v1.Response.$Properties {
        }

        /** Represents a Response. */
        class Response {

            /**
             * Constructs a new Response.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.Response.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Response error. */
            error?: (harrier.v1.Error.$Properties|null);

            /** Response score. */
            score?: (harrier.v1.ScoreResponse.$Properties|null);

            /** Response report_outcome. */
            report_outcome?: (harrier.v1.ReportOutcomeResponse.$Properties|null);

            /** Response get_entity. */
            get_entity?: (harrier.v1.GetEntityResponse.$Properties|null);

            /** Response status. */
            status?: (harrier.v1.StatusResponse.$Properties|null);

            /** Response change_list. */
            change_list?: (harrier.v1.ChangeListResponse.$Properties|null);

            /** Response get_list. */
            get_list?: (harrier.v1.GetListResponse.$Properties|null);

            /** Response reload. */
            reload?: (harrier.v1.ReloadResponse.$Properties|null);

            /** Response explain. */
            explain?: (harrier.v1.ExplainResponse.$Properties|null);

            /** Response amend. */
            amend?: (harrier.v1.AmendResponse.$Properties|null);

            /** Response change_brake. */
            change_brake?: (harrier.v1.ChangeBrakeResponse.$Properties|null);

            /** Response find. */
            find?: (harrier.v1.FindResponse.$Properties|null);

            /** Response backfill. */
            backfill?: (harrier.v1.BackfillResponse.$Properties|null);

            /** Response answer. */
            answer?: ("score"|"report_outcome"|"get_entity"|"status"|"change_list"|"get_list"|"reload"|"explain"|"amend"|"change_brake"|"find"|"backfill");

            /**
             * Encodes the specified Response message. Does not implicitly {@link harrier.v1.Response.verify|verify} messages.
             * @param message Response message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.Response.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Response message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.Response & harrier.v1.Response.$Shape} Response
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.Response & harrier.v1.Response.$Shape;
        }

        namespace Response {

            /** Properties of a Response. */
            interface $Properties {

                /** Response error */
                error?: (harrier.v1.Error.$Properties|null);

                /** Response score */
                score?: (harrier.v1.ScoreResponse.$Properties|null);

                /** Response report_outcome */
                report_outcome?: (harrier.v1.ReportOutcomeResponse.$Properties|null);

                /** Response get_entity */
                get_entity?: (harrier.v1.GetEntityResponse.$Properties|null);

                /** Response status */
                status?: (harrier.v1.StatusResponse.$Properties|null);

                /** Response change_list */
                change_list?: (harrier.v1.ChangeListResponse.$Properties|null);

                /** Response get_list */
                get_list?: (harrier.v1.GetListResponse.$Properties|null);

                /** Response reload */
                reload?: (harrier.v1.ReloadResponse.$Properties|null);

                /** Response explain */
                explain?: (harrier.v1.ExplainResponse.$Properties|null);

                /** Response amend */
                amend?: (harrier.v1.AmendResponse.$Properties|null);

                /** Response change_brake */
                change_brake?: (harrier.v1.ChangeBrakeResponse.$Properties|null);

                /** Response find */
                find?: (harrier.v1.FindResponse.$Properties|null);

                /** Response backfill */
                backfill?: (harrier.v1.BackfillResponse.$Properties|null);

                /** Response answer */
                answer?: ("score"|"report_outcome"|"get_entity"|"status"|"change_list"|"get_list"|"reload"|"explain"|"amend"|"change_brake"|"find"|"backfill");

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Narrowed shape of a Response. */
            type $Shape = {
              error?: harrier.v1.Error.$Shape|null;
              score?: harrier.v1.ScoreResponse.$Shape|null;
              report_outcome?: harrier.v1.ReportOutcomeResponse.$Shape|null;
              get_entity?: harrier.v1.GetEntityResponse.$Shape|null;
              status?: harrier.v1.StatusResponse.$Shape|null;
              change_list?: harrier.v1.ChangeListResponse.$Shape|null;
              get_list?: harrier.v1.GetListResponse.$Shape|null;
              reload?: harrier.v1.ReloadResponse.$Shape|null;
              explain?: harrier.v1.ExplainResponse.$Shape|null;
              amend?: harrier.v1.AmendResponse.$Shape|null;
              change_brake?: harrier.v1.ChangeBrakeResponse.$Shape|null;
              find?: harrier.v1.FindResponse.$Shape|null;
              backfill?: harrier.v1.BackfillResponse.$Shape|null;
              $unknowns?: Uint8Array[];
            } & (
              ({ answer?: undefined; score?: null; report_outcome?: null; get_entity?: null; status?: null; change_list?: null; get_list?: null; reload?: null; explain?: null; amend?: null; change_brake?: null; find?: null; backfill?: null }|{ answer?: "score"; score: harrier.v1.ScoreResponse.$Shape; report_outcome?: null; get_entity?: null; status?: null; change_list?: null; get_list?: null; reload?: null; explain?: null; amend?: null; change_brake?: null; find?: null; backfill?: null }|{ answer?: "report_outcome"; score?: null; report_outcome: harrier.v1.ReportOutcomeResponse.$Shape; get_entity?: null; status?: null; change_list?: null; get_list?: null; reload?: null; explain?: null; amend?: null; change_brake?: null; find?: null; backfill?: null }|{ answer?: "get_entity"; score?: null; report_outcome?: null; get_entity: harrier.v1.GetEntityResponse.$Shape; status?: null; change_list?: null; get_list?: null; reload?: null; explain?: null; amend?: null; change_brake?: null; find?: null; backfill?: null }|{ answer?: "status"; score?: null; report_outcome?: null; get_entity?: null; status: harrier.v1.StatusResponse.$Shape; change_list?: null; get_list?: null; reload?: null; explain?: null; amend?: null; change_brake?: null; find?: null; backfill?: null }|{ answer?: "change_list"; score?: null; report_outcome?: null; get_entity?: null; status?: null; change_list: harrier.v1.ChangeListResponse.$Shape; get_list?: null; reload?: null; explain?: null; amend?: null; change_brake?: null; find?: null; backfill?: null }|{ answer?: "get_list"; score?: null; report_outcome?: null; get_entity?: null; status?: null; change_list?: null; get_list: harrier.v1.GetListResponse.$Shape; reload?: null; explain?: null; amend?: null; change_brake?: null; find?: null; backfill?: null }|{ answer?: "reload"; score?: null; report_outcome?: null; get_entity?: null; status?: null; change_list?: null; get_list?: null; reload: harrier.v1.ReloadResponse.$Shape; explain?: null; amend?: null; change_brake?: null; find?: null; backfill?: null }|{ answer?: "explain"; score?: null; report_outcome?: null; get_entity?: null; status?: null; change_list?: null; get_list?: null; reload?: null; explain: harrier.v1.ExplainResponse.$Shape; amend?: null; change_brake?: null; find?: null; backfill?: null }|{ answer?: "amend"; score?: null; report_outcome?: null; get_entity?: null; status?: null; change_list?: null; get_list?: null; reload?: null; explain?: null; amend: harrier.v1.AmendResponse.$Shape; change_brake?: null; find?: null; backfill?: null }|{ answer?: "change_brake"; score?: null; report_outcome?: null; get_entity?: null; status?: null; change_list?: null; get_list?: null; reload?: null; explain?: null; amend?: null; change_brake: harrier.v1.ChangeBrakeResponse.$Shape; find?: null; backfill?: null }|{ answer?: "find"; score?: null; report_outcome?: null; get_entity?: null; status?: null; change_list?: null; get_list?: null; reload?: null; explain?: null; amend?: null; change_brake?: null; find: harrier.v1.FindResponse.$Shape; backfill?: null }|{ answer?: "backfill"; score?: null; report_outcome?: null; get_entity?: null; status?: null; change_list?: null; get_list?: null; reload?: null; explain?: null; amend?: null; change_brake?: null; find?: null; backfill: harrier.v1.BackfillResponse.$Shape })
            );
        }

        /** ErrorCode enum. */
        enum ErrorCode {

            /** ERROR_UNSPECIFIED value */
            ERROR_UNSPECIFIED = 0,

            /** ERROR_INVALID value */
            ERROR_INVALID = 1,

            /** ERROR_UNSUPPORTED value */
            ERROR_UNSUPPORTED = 2,

            /** ERROR_NOT_FOUND value */
            ERROR_NOT_FOUND = 3,

            /** ERROR_ID_CONFLICT value */
            ERROR_ID_CONFLICT = 4,

            /** ERROR_TOO_LARGE value */
            ERROR_TOO_LARGE = 5,

            /** ERROR_DEADLINE value */
            ERROR_DEADLINE = 6,

            /** ERROR_UNAVAILABLE value */
            ERROR_UNAVAILABLE = 7,

            /** ERROR_INTERNAL value */
            ERROR_INTERNAL = 8,

            /** ERROR_DENIED value */
            ERROR_DENIED = 9,

            /** ERROR_NOT_PRIMARY value */
            ERROR_NOT_PRIMARY = 10,

            /** ERROR_OVERLOADED value */
            ERROR_OVERLOADED = 11
        }

        /**
         * Properties of an Error.
         * @deprecated Use harrier.v1.Error.$Properties instead.
         */
        interface IError extends harrier.v1.Error.$Properties {
        }

        /** Represents an Error. */
        class Error {

            /**
             * Constructs a new Error.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.Error.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Error code. */
            code: harrier.v1.ErrorCode;

            /** Error field. */
            field: string;

            /** Error message. */
            message: string;

            /** Error primary. */
            primary: string;

            /** Error fallback. */
            fallback: harrier.v1.Verdict;

            /**
             * Encodes the specified Error message. Does not implicitly {@link harrier.v1.Error.verify|verify} messages.
             * @param message Error message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.Error.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an Error message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.Error & harrier.v1.Error.$Shape} Error
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.Error & harrier.v1.Error.$Shape;
        }

        namespace Error {

            /** Properties of an Error. */
            interface $Properties {

                /** Error code */
                code?: (harrier.v1.ErrorCode|null);

                /** Error field */
                field?: (string|null);

                /** Error message */
                message?: (string|null);

                /** Error primary */
                primary?: (string|null);

                /** Error fallback */
                fallback?: (harrier.v1.Verdict|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an Error. */
            type $Shape = harrier.v1.Error.$Properties;
        }

        /**
         * Properties of a ScoreRequest.
         * @deprecated Use harrier.v1.ScoreRequest.$Properties instead.
         */
        interface IScoreRequest extends harrier.v1.ScoreRequest.$Properties {
        }

        /** Represents a ScoreRequest. */
        class ScoreRequest {

            /**
             * Constructs a new ScoreRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.ScoreRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ScoreRequest transactions. */
            transactions: harrier.v1.Transaction.$Properties[];

            /** ScoreRequest dry_run. */
            dry_run: boolean;

            /** ScoreRequest return_features. */
            return_features: boolean;

            /**
             * Encodes the specified ScoreRequest message. Does not implicitly {@link harrier.v1.ScoreRequest.verify|verify} messages.
             * @param message ScoreRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.ScoreRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ScoreRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.ScoreRequest & harrier.v1.ScoreRequest.$Shape} ScoreRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.ScoreRequest & harrier.v1.ScoreRequest.$Shape;
        }

        namespace ScoreRequest {

            /** Properties of a ScoreRequest. */
            interface $Properties {

                /** ScoreRequest transactions */
                transactions?: (harrier.v1.Transaction.$Properties[]|null);

                /** ScoreRequest dry_run */
                dry_run?: (boolean|null);

                /** ScoreRequest return_features */
                return_features?: (boolean|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ScoreRequest. */
            type $Shape = {
              transactions?: harrier.v1.Transaction.$Shape[]|null;
              dry_run?: boolean|null;
              return_features?: boolean|null;
              $unknowns?: Uint8Array[];
            };
        }

        /**
         * Properties of a ScoreResponse.
         * @deprecated Use harrier.v1.ScoreResponse.$Properties instead.
         */
        interface IScoreResponse extends harrier.v1.ScoreResponse.$Properties {
        }

        /** Represents a ScoreResponse. */
        class ScoreResponse {

            /**
             * Constructs a new ScoreResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.ScoreResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ScoreResponse results. */
            results: harrier.v1.ScoreResult.$Properties[];

            /**
             * Encodes the specified ScoreResponse message. Does not implicitly {@link harrier.v1.ScoreResponse.verify|verify} messages.
             * @param message ScoreResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.ScoreResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ScoreResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.ScoreResponse & harrier.v1.ScoreResponse.$Shape} ScoreResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.ScoreResponse & harrier.v1.ScoreResponse.$Shape;
        }

        namespace ScoreResponse {

            /** Properties of a ScoreResponse. */
            interface $Properties {

                /** ScoreResponse results */
                results?: (harrier.v1.ScoreResult.$Properties[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ScoreResponse. */
            type $Shape = {
              results?: harrier.v1.ScoreResult.$Shape[]|null;
              $unknowns?: Uint8Array[];
            };
        }

        /**
         * Properties of a ScoreResult.
         * @deprecated Use harrier.v1.ScoreResult.$Properties instead.
         */
        interface IScoreResult extends harrier.v1.ScoreResult.$Properties {
        }

        /** Represents a ScoreResult. */
        class ScoreResult {

            /**
             * Constructs a new ScoreResult.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.ScoreResult.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ScoreResult decision. */
            decision?: (harrier.v1.Decision.$Properties|null);

            /** ScoreResult error. */
            error?: (harrier.v1.Error.$Properties|null);

            /** ScoreResult result. */
            result?: ("decision"|"error");

            /**
             * Encodes the specified ScoreResult message. Does not implicitly {@link harrier.v1.ScoreResult.verify|verify} messages.
             * @param message ScoreResult message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.ScoreResult.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ScoreResult message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.ScoreResult & harrier.v1.ScoreResult.$Shape} ScoreResult
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.ScoreResult & harrier.v1.ScoreResult.$Shape;
        }

        namespace ScoreResult {

            /** Properties of a ScoreResult. */
            interface $Properties {

                /** ScoreResult decision */
                decision?: (harrier.v1.Decision.$Properties|null);

                /** ScoreResult error */
                error?: (harrier.v1.Error.$Properties|null);

                /** ScoreResult result */
                result?: ("decision"|"error");

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Narrowed shape of a ScoreResult. */
            type $Shape = {
              decision?: harrier.v1.Decision.$Shape|null;
              error?: harrier.v1.Error.$Shape|null;
              $unknowns?: Uint8Array[];
            } & (
              ({ result?: undefined; decision?: null; error?: null }|{ result?: "decision"; decision: harrier.v1.Decision.$Shape; error?: null }|{ result?: "error"; decision?: null; error: harrier.v1.Error.$Shape })
            );
        }

        /**
         * Properties of a Transaction.
         * @deprecated Use harrier.v1.Transaction.$Properties instead.
         */
        interface ITransaction extends harrier.v1.Transaction.$Properties {
        }

        /** Represents a Transaction. */
        class Transaction {

            /**
             * Constructs a new Transaction.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.Transaction.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Transaction id. */
            id: string;

            /** Transaction event_time_us. */
            event_time_us: (number|Long);

            /** Transaction amount_minor. */
            amount_minor: (number|Long);

            /** Transaction currency. */
            currency: string;

            /** Transaction card. */
            card: string;

            /** Transaction customer. */
            customer: string;

            /** Transaction account. */
            account: string;

            /** Transaction merchant. */
            merchant: string;

            /** Transaction terminal. */
            terminal: string;

            /** Transaction device. */
            device: string;

            /** Transaction ip. */
            ip: string;

            /** Transaction country. */
            country: string;

            /** Transaction mcc. */
            mcc: string;

            /** Transaction channel. */
            channel: string;

            /** Transaction email. */
            email: string;

            /** Transaction phone. */
            phone: string;

            /** Transaction source. */
            source: string;

            /** Transaction sequence. */
            sequence: (number|Long);

            /** Transaction location. */
            location?: (harrier.v1.Location.$Properties|null);

            /** Transaction attributes. */
            attributes: harrier.v1.Attribute.$Properties[];

            /**
             * Encodes the specified Transaction message. Does not implicitly {@link harrier.v1.Transaction.verify|verify} messages.
             * @param message Transaction message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.Transaction.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Transaction message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.Transaction & harrier.v1.Transaction.$Shape} Transaction
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.Transaction & harrier.v1.Transaction.$Shape;
        }

        namespace Transaction {

            /** Properties of a Transaction. */
            interface $Properties {

                /** Transaction id */
                id?: (string|null);

                /** Transaction event_time_us */
                event_time_us?: (number|Long|null);

                /** Transaction amount_minor */
                amount_minor?: (number|Long|null);

                /** Transaction currency */
                currency?: (string|null);

                /** Transaction card */
                card?: (string|null);

                /** Transaction customer */
                customer?: (string|null);

                /** Transaction account */
                account?: (string|null);

                /** Transaction merchant */
                merchant?: (string|null);

                /** Transaction terminal */
                terminal?: (string|null);

                /** Transaction device */
                device?: (string|null);

                /** Transaction ip */
                ip?: (string|null);

                /** Transaction country */
                country?: (string|null);

                /** Transaction mcc */
                mcc?: (string|null);

                /** Transaction channel */
                channel?: (string|null);

                /** Transaction email */
                email?: (string|null);

                /** Transaction phone */
                phone?: (string|null);

                /** Transaction source */
                source?: (string|null);

                /** Transaction sequence */
                sequence?: (number|Long|null);

                /** Transaction location */
                location?: (harrier.v1.Location.$Properties|null);

                /** Transaction attributes */
                attributes?: (harrier.v1.Attribute.$Properties[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Transaction. */
            type $Shape = {
              id?: string|null;
              event_time_us?: number|Long|null;
              amount_minor?: number|Long|null;
              currency?: string|null;
              card?: string|null;
              customer?: string|null;
              account?: string|null;
              merchant?: string|null;
              terminal?: string|null;
              device?: string|null;
              ip?: string|null;
              country?: string|null;
              mcc?: string|null;
              channel?: string|null;
              email?: string|null;
              phone?: string|null;
              source?: string|null;
              sequence?: number|Long|null;
              location?: harrier.v1.Location.$Shape|null;
              attributes?: harrier.v1.Attribute.$Shape[]|null;
              $unknowns?: Uint8Array[];
            };
        }

        /**
         * Properties of a Location.
         * @deprecated Use harrier.v1.Location.$Properties instead.
         */
        interface ILocation extends harrier.v1.Location.$Properties {
        }

        /** Represents a Location. */
        class Location {

            /**
             * Constructs a new Location.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.Location.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Location latitude_e7. */
            latitude_e7: number;

            /** Location longitude_e7. */
            longitude_e7: number;

            /**
             * Encodes the specified Location message. Does not implicitly {@link harrier.v1.Location.verify|verify} messages.
             * @param message Location message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.Location.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Location message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.Location & harrier.v1.Location.$Shape} Location
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.Location & harrier.v1.Location.$Shape;
        }

        namespace Location {

            /** Properties of a Location. */
            interface $Properties {

                /** Location latitude_e7 */
                latitude_e7?: (number|null);

                /** Location longitude_e7 */
                longitude_e7?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Location. */
            type $Shape = harrier.v1.Location.$Properties;
        }

        /**
         * Properties of an Attribute.
         * @deprecated Use harrier.v1.Attribute.$Properties instead.
         */
        interface IAttribute extends harrier.v1.Attribute.$Properties {
        }

        /** Represents an Attribute. */
        class Attribute {

            /**
             * Constructs a new Attribute.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.Attribute.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Attribute name. */
            name: string;

            /** Attribute text. */
            text?: (string|null);

            /** Attribute integer. */
            integer?: (number|Long|null);

            /** Attribute number. */
            number?: (number|null);

            /** Attribute flag. */
            flag?: (boolean|null);

            /** Attribute value. */
            value?: ("text"|"integer"|"number"|"flag");

            /**
             * Encodes the specified Attribute message. Does not implicitly {@link harrier.v1.Attribute.verify|verify} messages.
             * @param message Attribute message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.Attribute.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an Attribute message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.Attribute & harrier.v1.Attribute.$Shape} Attribute
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.Attribute & harrier.v1.Attribute.$Shape;
        }

        namespace Attribute {

            /** Properties of an Attribute. */
            interface $Properties {

                /** Attribute name */
                name?: (string|null);

                /** Attribute text */
                text?: (string|null);

                /** Attribute integer */
                integer?: (number|Long|null);

                /** Attribute number */
                number?: (number|null);

                /** Attribute flag */
                flag?: (boolean|null);

                /** Attribute value */
                value?: ("text"|"integer"|"number"|"flag");

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Narrowed shape of an Attribute. */
            type $Shape = {
              name?: string|null;
              text?: string|null;
              integer?: number|Long|null;
              number?: number|null;
              flag?: boolean|null;
              $unknowns?: Uint8Array[];
            } & (
              ({ value?: undefined; text?: null; integer?: null; number?: null; flag?: null }|{ value?: "text"; text: string; integer?: null; number?: null; flag?: null }|{ value?: "integer"; text?: null; integer: number|Long; number?: null; flag?: null }|{ value?: "number"; text?: null; integer?: null; number: number; flag?: null }|{ value?: "flag"; text?: null; integer?: null; number?: null; flag: boolean })
            );
        }

        /** Verdict enum. */
        enum Verdict {

            /** VERDICT_UNSPECIFIED value */
            VERDICT_UNSPECIFIED = 0,

            /** VERDICT_APPROVE value */
            VERDICT_APPROVE = 1,

            /** VERDICT_REVIEW value */
            VERDICT_REVIEW = 2,

            /** VERDICT_CHALLENGE value */
            VERDICT_CHALLENGE = 3,

            /** VERDICT_DECLINE value */
            VERDICT_DECLINE = 4
        }

        /**
         * Properties of a Decision.
         * @deprecated Use harrier.v1.Decision.$Properties instead.
         */
        interface IDecision extends harrier.v1.Decision.$Properties {
        }

        /** Represents a Decision. */
        class Decision {

            /**
             * Constructs a new Decision.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.Decision.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Decision transaction_id. */
            transaction_id: string;

            /** Decision verdict. */
            verdict: harrier.v1.Verdict;

            /** Decision score. */
            score: number;

            /** Decision reasons. */
            reasons: harrier.v1.Reason.$Properties[];

            /** Decision snapshot_id. */
            snapshot_id: (number|Long);

            /** Decision generation_id. */
            generation_id: (number|Long);

            /** Decision position. */
            position: (number|Long);

            /** Decision degraded. */
            degraded: boolean;

            /** Decision degraded_reason. */
            degraded_reason: string;

            /** Decision duplicate. */
            duplicate: boolean;

            /** Decision dry_run. */
            dry_run: boolean;

            /** Decision server_us. */
            server_us: number;

            /** Decision rule_errors. */
            rule_errors: number;

            /** Decision features. */
            features: harrier.v1.NamedValue.$Properties[];

            /** Decision failed_rules. */
            failed_rules: string[];

            /** Decision arm. */
            arm: harrier.v1.Arm;

            /**
             * Encodes the specified Decision message. Does not implicitly {@link harrier.v1.Decision.verify|verify} messages.
             * @param message Decision message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.Decision.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Decision message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.Decision & harrier.v1.Decision.$Shape} Decision
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.Decision & harrier.v1.Decision.$Shape;
        }

        namespace Decision {

            /** Properties of a Decision. */
            interface $Properties {

                /** Decision transaction_id */
                transaction_id?: (string|null);

                /** Decision verdict */
                verdict?: (harrier.v1.Verdict|null);

                /** Decision score */
                score?: (number|null);

                /** Decision reasons */
                reasons?: (harrier.v1.Reason.$Properties[]|null);

                /** Decision snapshot_id */
                snapshot_id?: (number|Long|null);

                /** Decision generation_id */
                generation_id?: (number|Long|null);

                /** Decision position */
                position?: (number|Long|null);

                /** Decision degraded */
                degraded?: (boolean|null);

                /** Decision degraded_reason */
                degraded_reason?: (string|null);

                /** Decision duplicate */
                duplicate?: (boolean|null);

                /** Decision dry_run */
                dry_run?: (boolean|null);

                /** Decision server_us */
                server_us?: (number|null);

                /** Decision rule_errors */
                rule_errors?: (number|null);

                /** Decision features */
                features?: (harrier.v1.NamedValue.$Properties[]|null);

                /** Decision failed_rules */
                failed_rules?: (string[]|null);

                /** Decision arm */
                arm?: (harrier.v1.Arm|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Decision. */
            type $Shape = {
              transaction_id?: string|null;
              verdict?: harrier.v1.Verdict|null;
              score?: number|null;
              reasons?: harrier.v1.Reason.$Shape[]|null;
              snapshot_id?: number|Long|null;
              generation_id?: number|Long|null;
              position?: number|Long|null;
              degraded?: boolean|null;
              degraded_reason?: string|null;
              duplicate?: boolean|null;
              dry_run?: boolean|null;
              server_us?: number|null;
              rule_errors?: number|null;
              features?: harrier.v1.NamedValue.$Shape[]|null;
              failed_rules?: string[]|null;
              arm?: harrier.v1.Arm|null;
              $unknowns?: Uint8Array[];
            };
        }

        /** Arm enum. */
        enum Arm {

            /** ARM_UNSPECIFIED value */
            ARM_UNSPECIFIED = 0,

            /** ARM_CHAMPION value */
            ARM_CHAMPION = 1,

            /** ARM_CHALLENGER value */
            ARM_CHALLENGER = 2
        }

        /**
         * Properties of a Reason.
         * @deprecated Use harrier.v1.Reason.$Properties instead.
         */
        interface IReason extends harrier.v1.Reason.$Properties {
        }

        /** Represents a Reason. */
        class Reason {

            /**
             * Constructs a new Reason.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.Reason.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Reason rule. */
            rule: string;

            /** Reason text. */
            text: string;

            /** Reason score. */
            score: number;

            /** Reason verdict. */
            verdict: harrier.v1.Verdict;

            /** Reason shadow. */
            shadow: boolean;

            /** Reason suppressed. */
            suppressed: boolean;

            /** Reason tags. */
            tags: string[];

            /** Reason group. */
            group: string;

            /** Reason capped. */
            capped: number;

            /** Reason verdict_if_live. */
            verdict_if_live: harrier.v1.Verdict;

            /**
             * Encodes the specified Reason message. Does not implicitly {@link harrier.v1.Reason.verify|verify} messages.
             * @param message Reason message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.Reason.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Reason message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.Reason & harrier.v1.Reason.$Shape} Reason
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.Reason & harrier.v1.Reason.$Shape;
        }

        namespace Reason {

            /** Properties of a Reason. */
            interface $Properties {

                /** Reason rule */
                rule?: (string|null);

                /** Reason text */
                text?: (string|null);

                /** Reason score */
                score?: (number|null);

                /** Reason verdict */
                verdict?: (harrier.v1.Verdict|null);

                /** Reason shadow */
                shadow?: (boolean|null);

                /** Reason suppressed */
                suppressed?: (boolean|null);

                /** Reason tags */
                tags?: (string[]|null);

                /** Reason group */
                group?: (string|null);

                /** Reason capped */
                capped?: (number|null);

                /** Reason verdict_if_live */
                verdict_if_live?: (harrier.v1.Verdict|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Reason. */
            type $Shape = harrier.v1.Reason.$Properties;
        }

        /**
         * Properties of a NamedValue.
         * @deprecated Use harrier.v1.NamedValue.$Properties instead.
         */
        interface INamedValue extends harrier.v1.NamedValue.$Properties {
        }

        /** Represents a NamedValue. */
        class NamedValue {

            /**
             * Constructs a new NamedValue.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.NamedValue.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** NamedValue name. */
            name: string;

            /** NamedValue flag. */
            flag?: (boolean|null);

            /** NamedValue integer. */
            integer?: (number|Long|null);

            /** NamedValue number. */
            number?: (number|null);

            /** NamedValue text. */
            text?: (string|null);

            /** NamedValue timestamp_us. */
            timestamp_us?: (number|Long|null);

            /** NamedValue duration_us. */
            duration_us?: (number|Long|null);

            /** NamedValue value. */
            value?: ("flag"|"integer"|"number"|"text"|"timestamp_us"|"duration_us");

            /**
             * Encodes the specified NamedValue message. Does not implicitly {@link harrier.v1.NamedValue.verify|verify} messages.
             * @param message NamedValue message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.NamedValue.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a NamedValue message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.NamedValue & harrier.v1.NamedValue.$Shape} NamedValue
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.NamedValue & harrier.v1.NamedValue.$Shape;
        }

        namespace NamedValue {

            /** Properties of a NamedValue. */
            interface $Properties {

                /** NamedValue name */
                name?: (string|null);

                /** NamedValue flag */
                flag?: (boolean|null);

                /** NamedValue integer */
                integer?: (number|Long|null);

                /** NamedValue number */
                number?: (number|null);

                /** NamedValue text */
                text?: (string|null);

                /** NamedValue timestamp_us */
                timestamp_us?: (number|Long|null);

                /** NamedValue duration_us */
                duration_us?: (number|Long|null);

                /** NamedValue value */
                value?: ("flag"|"integer"|"number"|"text"|"timestamp_us"|"duration_us");

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Narrowed shape of a NamedValue. */
            type $Shape = {
              name?: string|null;
              flag?: boolean|null;
              integer?: number|Long|null;
              number?: number|null;
              text?: string|null;
              timestamp_us?: number|Long|null;
              duration_us?: number|Long|null;
              $unknowns?: Uint8Array[];
            } & (
              ({ value?: undefined; flag?: null; integer?: null; number?: null; text?: null; timestamp_us?: null; duration_us?: null }|{ value?: "flag"; flag: boolean; integer?: null; number?: null; text?: null; timestamp_us?: null; duration_us?: null }|{ value?: "integer"; flag?: null; integer: number|Long; number?: null; text?: null; timestamp_us?: null; duration_us?: null }|{ value?: "number"; flag?: null; integer?: null; number: number; text?: null; timestamp_us?: null; duration_us?: null }|{ value?: "text"; flag?: null; integer?: null; number?: null; text: string; timestamp_us?: null; duration_us?: null }|{ value?: "timestamp_us"; flag?: null; integer?: null; number?: null; text?: null; timestamp_us: number|Long; duration_us?: null }|{ value?: "duration_us"; flag?: null; integer?: null; number?: null; text?: null; timestamp_us?: null; duration_us: number|Long })
            );
        }

        /** Label enum. */
        enum Label {

            /** LABEL_NONE value */
            LABEL_NONE = 0,

            /** LABEL_LEGIT value */
            LABEL_LEGIT = 1,

            /** LABEL_FRAUD value */
            LABEL_FRAUD = 2,

            /** LABEL_CHARGEBACK value */
            LABEL_CHARGEBACK = 3,

            /** LABEL_SUSPECTED value */
            LABEL_SUSPECTED = 4
        }

        /**
         * Properties of a ReportOutcomeRequest.
         * @deprecated Use harrier.v1.ReportOutcomeRequest.$Properties instead.
         */
        interface IReportOutcomeRequest extends harrier.v1.ReportOutcomeRequest.$Properties {
        }

        /** Represents a ReportOutcomeRequest. */
        class ReportOutcomeRequest {

            /**
             * Constructs a new ReportOutcomeRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.ReportOutcomeRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ReportOutcomeRequest outcomes. */
            outcomes: harrier.v1.Outcome.$Properties[];

            /**
             * Encodes the specified ReportOutcomeRequest message. Does not implicitly {@link harrier.v1.ReportOutcomeRequest.verify|verify} messages.
             * @param message ReportOutcomeRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.ReportOutcomeRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ReportOutcomeRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.ReportOutcomeRequest & harrier.v1.ReportOutcomeRequest.$Shape} ReportOutcomeRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.ReportOutcomeRequest & harrier.v1.ReportOutcomeRequest.$Shape;
        }

        namespace ReportOutcomeRequest {

            /** Properties of a ReportOutcomeRequest. */
            interface $Properties {

                /** ReportOutcomeRequest outcomes */
                outcomes?: (harrier.v1.Outcome.$Properties[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ReportOutcomeRequest. */
            type $Shape = harrier.v1.ReportOutcomeRequest.$Properties;
        }

        /**
         * Properties of an Outcome.
         * @deprecated Use harrier.v1.Outcome.$Properties instead.
         */
        interface IOutcome extends harrier.v1.Outcome.$Properties {
        }

        /** Represents an Outcome. */
        class Outcome {

            /**
             * Constructs a new Outcome.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.Outcome.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Outcome transaction_id. */
            transaction_id: string;

            /** Outcome label. */
            label: harrier.v1.Label;

            /** Outcome known_time_us. */
            known_time_us: (number|Long);

            /** Outcome source. */
            source: string;

            /** Outcome unless_labelled. */
            unless_labelled: boolean;

            /**
             * Encodes the specified Outcome message. Does not implicitly {@link harrier.v1.Outcome.verify|verify} messages.
             * @param message Outcome message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.Outcome.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an Outcome message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.Outcome & harrier.v1.Outcome.$Shape} Outcome
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.Outcome & harrier.v1.Outcome.$Shape;
        }

        namespace Outcome {

            /** Properties of an Outcome. */
            interface $Properties {

                /** Outcome transaction_id */
                transaction_id?: (string|null);

                /** Outcome label */
                label?: (harrier.v1.Label|null);

                /** Outcome known_time_us */
                known_time_us?: (number|Long|null);

                /** Outcome source */
                source?: (string|null);

                /** Outcome unless_labelled */
                unless_labelled?: (boolean|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an Outcome. */
            type $Shape = harrier.v1.Outcome.$Properties;
        }

        /**
         * Properties of a ReportOutcomeResponse.
         * @deprecated Use harrier.v1.ReportOutcomeResponse.$Properties instead.
         */
        interface IReportOutcomeResponse extends harrier.v1.ReportOutcomeResponse.$Properties {
        }

        /** Represents a ReportOutcomeResponse. */
        class ReportOutcomeResponse {

            /**
             * Constructs a new ReportOutcomeResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.ReportOutcomeResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ReportOutcomeResponse results. */
            results: harrier.v1.OutcomeResult.$Properties[];

            /**
             * Encodes the specified ReportOutcomeResponse message. Does not implicitly {@link harrier.v1.ReportOutcomeResponse.verify|verify} messages.
             * @param message ReportOutcomeResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.ReportOutcomeResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ReportOutcomeResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.ReportOutcomeResponse & harrier.v1.ReportOutcomeResponse.$Shape} ReportOutcomeResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.ReportOutcomeResponse & harrier.v1.ReportOutcomeResponse.$Shape;
        }

        namespace ReportOutcomeResponse {

            /** Properties of a ReportOutcomeResponse. */
            interface $Properties {

                /** ReportOutcomeResponse results */
                results?: (harrier.v1.OutcomeResult.$Properties[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ReportOutcomeResponse. */
            type $Shape = {
              results?: harrier.v1.OutcomeResult.$Shape[]|null;
              $unknowns?: Uint8Array[];
            };
        }

        /**
         * Properties of an OutcomeResult.
         * @deprecated Use harrier.v1.OutcomeResult.$Properties instead.
         */
        interface IOutcomeResult extends harrier.v1.OutcomeResult.$Properties {
        }

        /** Represents an OutcomeResult. */
        class OutcomeResult {

            /**
             * Constructs a new OutcomeResult.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.OutcomeResult.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** OutcomeResult accepted. */
            accepted?: (harrier.v1.OutcomeAccepted.$Properties|null);

            /** OutcomeResult error. */
            error?: (harrier.v1.Error.$Properties|null);

            /** OutcomeResult result. */
            result?: ("accepted"|"error");

            /**
             * Encodes the specified OutcomeResult message. Does not implicitly {@link harrier.v1.OutcomeResult.verify|verify} messages.
             * @param message OutcomeResult message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.OutcomeResult.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an OutcomeResult message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.OutcomeResult & harrier.v1.OutcomeResult.$Shape} OutcomeResult
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.OutcomeResult & harrier.v1.OutcomeResult.$Shape;
        }

        namespace OutcomeResult {

            /** Properties of an OutcomeResult. */
            interface $Properties {

                /** OutcomeResult accepted */
                accepted?: (harrier.v1.OutcomeAccepted.$Properties|null);

                /** OutcomeResult error */
                error?: (harrier.v1.Error.$Properties|null);

                /** OutcomeResult result */
                result?: ("accepted"|"error");

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Narrowed shape of an OutcomeResult. */
            type $Shape = {
              accepted?: harrier.v1.OutcomeAccepted.$Shape|null;
              error?: harrier.v1.Error.$Shape|null;
              $unknowns?: Uint8Array[];
            } & (
              ({ result?: undefined; accepted?: null; error?: null }|{ result?: "accepted"; accepted: harrier.v1.OutcomeAccepted.$Shape; error?: null }|{ result?: "error"; accepted?: null; error: harrier.v1.Error.$Shape })
            );
        }

        /**
         * Properties of an OutcomeAccepted.
         * @deprecated Use harrier.v1.OutcomeAccepted.$Properties instead.
         */
        interface IOutcomeAccepted extends harrier.v1.OutcomeAccepted.$Properties {
        }

        /** Represents an OutcomeAccepted. */
        class OutcomeAccepted {

            /**
             * Constructs a new OutcomeAccepted.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.OutcomeAccepted.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** OutcomeAccepted transaction_id. */
            transaction_id: string;

            /** OutcomeAccepted position. */
            position: (number|Long);

            /** OutcomeAccepted changed. */
            changed: boolean;

            /** OutcomeAccepted previous. */
            previous: harrier.v1.Label;

            /**
             * Encodes the specified OutcomeAccepted message. Does not implicitly {@link harrier.v1.OutcomeAccepted.verify|verify} messages.
             * @param message OutcomeAccepted message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.OutcomeAccepted.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an OutcomeAccepted message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.OutcomeAccepted & harrier.v1.OutcomeAccepted.$Shape} OutcomeAccepted
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.OutcomeAccepted & harrier.v1.OutcomeAccepted.$Shape;
        }

        namespace OutcomeAccepted {

            /** Properties of an OutcomeAccepted. */
            interface $Properties {

                /** OutcomeAccepted transaction_id */
                transaction_id?: (string|null);

                /** OutcomeAccepted position */
                position?: (number|Long|null);

                /** OutcomeAccepted changed */
                changed?: (boolean|null);

                /** OutcomeAccepted previous */
                previous?: (harrier.v1.Label|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an OutcomeAccepted. */
            type $Shape = harrier.v1.OutcomeAccepted.$Properties;
        }

        /** AmendmentKind enum. */
        enum AmendmentKind {

            /** AMENDMENT_UNSPECIFIED value */
            AMENDMENT_UNSPECIFIED = 0,

            /** AMENDMENT_VOID value */
            AMENDMENT_VOID = 1,

            /** AMENDMENT_CAPTURE value */
            AMENDMENT_CAPTURE = 2,

            /** AMENDMENT_REFUND value */
            AMENDMENT_REFUND = 3,

            /** AMENDMENT_RESTORE value */
            AMENDMENT_RESTORE = 4
        }

        /**
         * Properties of an AmendRequest.
         * @deprecated Use harrier.v1.AmendRequest.$Properties instead.
         */
        interface IAmendRequest extends harrier.v1.AmendRequest.$Properties {
        }

        /** Represents an AmendRequest. */
        class AmendRequest {

            /**
             * Constructs a new AmendRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.AmendRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** AmendRequest amendments. */
            amendments: harrier.v1.Amendment.$Properties[];

            /**
             * Encodes the specified AmendRequest message. Does not implicitly {@link harrier.v1.AmendRequest.verify|verify} messages.
             * @param message AmendRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.AmendRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an AmendRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.AmendRequest & harrier.v1.AmendRequest.$Shape} AmendRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.AmendRequest & harrier.v1.AmendRequest.$Shape;
        }

        namespace AmendRequest {

            /** Properties of an AmendRequest. */
            interface $Properties {

                /** AmendRequest amendments */
                amendments?: (harrier.v1.Amendment.$Properties[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an AmendRequest. */
            type $Shape = harrier.v1.AmendRequest.$Properties;
        }

        /**
         * Properties of an Amendment.
         * @deprecated Use harrier.v1.Amendment.$Properties instead.
         */
        interface IAmendment extends harrier.v1.Amendment.$Properties {
        }

        /** Represents an Amendment. */
        class Amendment {

            /**
             * Constructs a new Amendment.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.Amendment.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Amendment transaction_id. */
            transaction_id: string;

            /** Amendment kind. */
            kind: harrier.v1.AmendmentKind;

            /** Amendment amount_minor. */
            amount_minor: (number|Long);

            /** Amendment known_time_us. */
            known_time_us: (number|Long);

            /** Amendment source. */
            source: string;

            /** Amendment currency. */
            currency: string;

            /**
             * Encodes the specified Amendment message. Does not implicitly {@link harrier.v1.Amendment.verify|verify} messages.
             * @param message Amendment message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.Amendment.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an Amendment message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.Amendment & harrier.v1.Amendment.$Shape} Amendment
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.Amendment & harrier.v1.Amendment.$Shape;
        }

        namespace Amendment {

            /** Properties of an Amendment. */
            interface $Properties {

                /** Amendment transaction_id */
                transaction_id?: (string|null);

                /** Amendment kind */
                kind?: (harrier.v1.AmendmentKind|null);

                /** Amendment amount_minor */
                amount_minor?: (number|Long|null);

                /** Amendment known_time_us */
                known_time_us?: (number|Long|null);

                /** Amendment source */
                source?: (string|null);

                /** Amendment currency */
                currency?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an Amendment. */
            type $Shape = harrier.v1.Amendment.$Properties;
        }

        /**
         * Properties of an AmendResponse.
         * @deprecated Use harrier.v1.AmendResponse.$Properties instead.
         */
        interface IAmendResponse extends harrier.v1.AmendResponse.$Properties {
        }

        /** Represents an AmendResponse. */
        class AmendResponse {

            /**
             * Constructs a new AmendResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.AmendResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** AmendResponse results. */
            results: harrier.v1.AmendmentResult.$Properties[];

            /**
             * Encodes the specified AmendResponse message. Does not implicitly {@link harrier.v1.AmendResponse.verify|verify} messages.
             * @param message AmendResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.AmendResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an AmendResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.AmendResponse & harrier.v1.AmendResponse.$Shape} AmendResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.AmendResponse & harrier.v1.AmendResponse.$Shape;
        }

        namespace AmendResponse {

            /** Properties of an AmendResponse. */
            interface $Properties {

                /** AmendResponse results */
                results?: (harrier.v1.AmendmentResult.$Properties[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an AmendResponse. */
            type $Shape = {
              results?: harrier.v1.AmendmentResult.$Shape[]|null;
              $unknowns?: Uint8Array[];
            };
        }

        /**
         * Properties of an AmendmentResult.
         * @deprecated Use harrier.v1.AmendmentResult.$Properties instead.
         */
        interface IAmendmentResult extends harrier.v1.AmendmentResult.$Properties {
        }

        /** Represents an AmendmentResult. */
        class AmendmentResult {

            /**
             * Constructs a new AmendmentResult.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.AmendmentResult.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** AmendmentResult accepted. */
            accepted?: (harrier.v1.AmendmentAccepted.$Properties|null);

            /** AmendmentResult error. */
            error?: (harrier.v1.Error.$Properties|null);

            /** AmendmentResult result. */
            result?: ("accepted"|"error");

            /**
             * Encodes the specified AmendmentResult message. Does not implicitly {@link harrier.v1.AmendmentResult.verify|verify} messages.
             * @param message AmendmentResult message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.AmendmentResult.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an AmendmentResult message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.AmendmentResult & harrier.v1.AmendmentResult.$Shape} AmendmentResult
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.AmendmentResult & harrier.v1.AmendmentResult.$Shape;
        }

        namespace AmendmentResult {

            /** Properties of an AmendmentResult. */
            interface $Properties {

                /** AmendmentResult accepted */
                accepted?: (harrier.v1.AmendmentAccepted.$Properties|null);

                /** AmendmentResult error */
                error?: (harrier.v1.Error.$Properties|null);

                /** AmendmentResult result */
                result?: ("accepted"|"error");

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Narrowed shape of an AmendmentResult. */
            type $Shape = {
              accepted?: harrier.v1.AmendmentAccepted.$Shape|null;
              error?: harrier.v1.Error.$Shape|null;
              $unknowns?: Uint8Array[];
            } & (
              ({ result?: undefined; accepted?: null; error?: null }|{ result?: "accepted"; accepted: harrier.v1.AmendmentAccepted.$Shape; error?: null }|{ result?: "error"; accepted?: null; error: harrier.v1.Error.$Shape })
            );
        }

        /**
         * Properties of an AmendmentAccepted.
         * @deprecated Use harrier.v1.AmendmentAccepted.$Properties instead.
         */
        interface IAmendmentAccepted extends harrier.v1.AmendmentAccepted.$Properties {
        }

        /** Represents an AmendmentAccepted. */
        class AmendmentAccepted {

            /**
             * Constructs a new AmendmentAccepted.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.AmendmentAccepted.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** AmendmentAccepted transaction_id. */
            transaction_id: string;

            /** AmendmentAccepted position. */
            position: (number|Long);

            /** AmendmentAccepted changed. */
            changed: boolean;

            /** AmendmentAccepted previous. */
            previous?: (harrier.v1.AmendedTransaction.$Properties|null);

            /** AmendmentAccepted now. */
            now?: (harrier.v1.AmendedTransaction.$Properties|null);

            /**
             * Encodes the specified AmendmentAccepted message. Does not implicitly {@link harrier.v1.AmendmentAccepted.verify|verify} messages.
             * @param message AmendmentAccepted message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.AmendmentAccepted.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an AmendmentAccepted message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.AmendmentAccepted & harrier.v1.AmendmentAccepted.$Shape} AmendmentAccepted
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.AmendmentAccepted & harrier.v1.AmendmentAccepted.$Shape;
        }

        namespace AmendmentAccepted {

            /** Properties of an AmendmentAccepted. */
            interface $Properties {

                /** AmendmentAccepted transaction_id */
                transaction_id?: (string|null);

                /** AmendmentAccepted position */
                position?: (number|Long|null);

                /** AmendmentAccepted changed */
                changed?: (boolean|null);

                /** AmendmentAccepted previous */
                previous?: (harrier.v1.AmendedTransaction.$Properties|null);

                /** AmendmentAccepted now */
                now?: (harrier.v1.AmendedTransaction.$Properties|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an AmendmentAccepted. */
            type $Shape = harrier.v1.AmendmentAccepted.$Properties;
        }

        /**
         * Properties of an AmendedTransaction.
         * @deprecated Use harrier.v1.AmendedTransaction.$Properties instead.
         */
        interface IAmendedTransaction extends harrier.v1.AmendedTransaction.$Properties {
        }

        /** Represents an AmendedTransaction. */
        class AmendedTransaction {

            /**
             * Constructs a new AmendedTransaction.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.AmendedTransaction.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** AmendedTransaction voided. */
            voided: boolean;

            /** AmendedTransaction amount_minor. */
            amount_minor: (number|Long);

            /** AmendedTransaction refunded_minor. */
            refunded_minor: (number|Long);

            /**
             * Encodes the specified AmendedTransaction message. Does not implicitly {@link harrier.v1.AmendedTransaction.verify|verify} messages.
             * @param message AmendedTransaction message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.AmendedTransaction.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an AmendedTransaction message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.AmendedTransaction & harrier.v1.AmendedTransaction.$Shape} AmendedTransaction
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.AmendedTransaction & harrier.v1.AmendedTransaction.$Shape;
        }

        namespace AmendedTransaction {

            /** Properties of an AmendedTransaction. */
            interface $Properties {

                /** AmendedTransaction voided */
                voided?: (boolean|null);

                /** AmendedTransaction amount_minor */
                amount_minor?: (number|Long|null);

                /** AmendedTransaction refunded_minor */
                refunded_minor?: (number|Long|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an AmendedTransaction. */
            type $Shape = harrier.v1.AmendedTransaction.$Properties;
        }

        /**
         * Properties of a BackfillRequest.
         * @deprecated Use harrier.v1.BackfillRequest.$Properties instead.
         */
        interface IBackfillRequest extends harrier.v1.BackfillRequest.$Properties {
        }

        /** Represents a BackfillRequest. */
        class BackfillRequest {

            /**
             * Constructs a new BackfillRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.BackfillRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** BackfillRequest items. */
            items: harrier.v1.BackfillItem.$Properties[];

            /**
             * Encodes the specified BackfillRequest message. Does not implicitly {@link harrier.v1.BackfillRequest.verify|verify} messages.
             * @param message BackfillRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.BackfillRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a BackfillRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.BackfillRequest & harrier.v1.BackfillRequest.$Shape} BackfillRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.BackfillRequest & harrier.v1.BackfillRequest.$Shape;
        }

        namespace BackfillRequest {

            /** Properties of a BackfillRequest. */
            interface $Properties {

                /** BackfillRequest items */
                items?: (harrier.v1.BackfillItem.$Properties[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a BackfillRequest. */
            type $Shape = {
              items?: harrier.v1.BackfillItem.$Shape[]|null;
              $unknowns?: Uint8Array[];
            };
        }

        /**
         * Properties of a BackfillItem.
         * @deprecated Use harrier.v1.BackfillItem.$Properties instead.
         */
        interface IBackfillItem extends harrier.v1.BackfillItem.$Properties {
        }

        /** Represents a BackfillItem. */
        class BackfillItem {

            /**
             * Constructs a new BackfillItem.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.BackfillItem.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** BackfillItem transaction. */
            transaction?: (harrier.v1.Transaction.$Properties|null);

            /** BackfillItem outcome. */
            outcome?: (harrier.v1.Outcome.$Properties|null);

            /** BackfillItem amendment. */
            amendment?: (harrier.v1.Amendment.$Properties|null);

            /**
             * Encodes the specified BackfillItem message. Does not implicitly {@link harrier.v1.BackfillItem.verify|verify} messages.
             * @param message BackfillItem message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.BackfillItem.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a BackfillItem message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.BackfillItem & harrier.v1.BackfillItem.$Shape} BackfillItem
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.BackfillItem & harrier.v1.BackfillItem.$Shape;
        }

        namespace BackfillItem {

            /** Properties of a BackfillItem. */
            interface $Properties {

                /** BackfillItem transaction */
                transaction?: (harrier.v1.Transaction.$Properties|null);

                /** BackfillItem outcome */
                outcome?: (harrier.v1.Outcome.$Properties|null);

                /** BackfillItem amendment */
                amendment?: (harrier.v1.Amendment.$Properties|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a BackfillItem. */
            type $Shape = {
              transaction?: harrier.v1.Transaction.$Shape|null;
              outcome?: harrier.v1.Outcome.$Shape|null;
              amendment?: harrier.v1.Amendment.$Shape|null;
              $unknowns?: Uint8Array[];
            };
        }

        /**
         * Properties of a BackfillResponse.
         * @deprecated Use harrier.v1.BackfillResponse.$Properties instead.
         */
        interface IBackfillResponse extends harrier.v1.BackfillResponse.$Properties {
        }

        /** Represents a BackfillResponse. */
        class BackfillResponse {

            /**
             * Constructs a new BackfillResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.BackfillResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** BackfillResponse results. */
            results: harrier.v1.BackfillResult.$Properties[];

            /**
             * Encodes the specified BackfillResponse message. Does not implicitly {@link harrier.v1.BackfillResponse.verify|verify} messages.
             * @param message BackfillResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.BackfillResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a BackfillResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.BackfillResponse & harrier.v1.BackfillResponse.$Shape} BackfillResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.BackfillResponse & harrier.v1.BackfillResponse.$Shape;
        }

        namespace BackfillResponse {

            /** Properties of a BackfillResponse. */
            interface $Properties {

                /** BackfillResponse results */
                results?: (harrier.v1.BackfillResult.$Properties[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a BackfillResponse. */
            type $Shape = {
              results?: harrier.v1.BackfillResult.$Shape[]|null;
              $unknowns?: Uint8Array[];
            };
        }

        /**
         * Properties of a BackfillResult.
         * @deprecated Use harrier.v1.BackfillResult.$Properties instead.
         */
        interface IBackfillResult extends harrier.v1.BackfillResult.$Properties {
        }

        /** Represents a BackfillResult. */
        class BackfillResult {

            /**
             * Constructs a new BackfillResult.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.BackfillResult.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** BackfillResult accepted. */
            accepted?: (harrier.v1.BackfillAccepted.$Properties|null);

            /** BackfillResult error. */
            error?: (harrier.v1.Error.$Properties|null);

            /** BackfillResult result. */
            result?: ("accepted"|"error");

            /**
             * Encodes the specified BackfillResult message. Does not implicitly {@link harrier.v1.BackfillResult.verify|verify} messages.
             * @param message BackfillResult message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.BackfillResult.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a BackfillResult message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.BackfillResult & harrier.v1.BackfillResult.$Shape} BackfillResult
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.BackfillResult & harrier.v1.BackfillResult.$Shape;
        }

        namespace BackfillResult {

            /** Properties of a BackfillResult. */
            interface $Properties {

                /** BackfillResult accepted */
                accepted?: (harrier.v1.BackfillAccepted.$Properties|null);

                /** BackfillResult error */
                error?: (harrier.v1.Error.$Properties|null);

                /** BackfillResult result */
                result?: ("accepted"|"error");

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Narrowed shape of a BackfillResult. */
            type $Shape = {
              accepted?: harrier.v1.BackfillAccepted.$Shape|null;
              error?: harrier.v1.Error.$Shape|null;
              $unknowns?: Uint8Array[];
            } & (
              ({ result?: undefined; accepted?: null; error?: null }|{ result?: "accepted"; accepted: harrier.v1.BackfillAccepted.$Shape; error?: null }|{ result?: "error"; accepted?: null; error: harrier.v1.Error.$Shape })
            );
        }

        /**
         * Properties of a BackfillAccepted.
         * @deprecated Use harrier.v1.BackfillAccepted.$Properties instead.
         */
        interface IBackfillAccepted extends harrier.v1.BackfillAccepted.$Properties {
        }

        /** Represents a BackfillAccepted. */
        class BackfillAccepted {

            /**
             * Constructs a new BackfillAccepted.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.BackfillAccepted.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** BackfillAccepted transaction_id. */
            transaction_id: string;

            /** BackfillAccepted position. */
            position: (number|Long);

            /** BackfillAccepted duplicate. */
            duplicate: boolean;

            /** BackfillAccepted verdict. */
            verdict: harrier.v1.Verdict;

            /** BackfillAccepted score. */
            score: number;

            /** BackfillAccepted outcome_recorded. */
            outcome_recorded: boolean;

            /** BackfillAccepted amendment_recorded. */
            amendment_recorded: boolean;

            /**
             * Encodes the specified BackfillAccepted message. Does not implicitly {@link harrier.v1.BackfillAccepted.verify|verify} messages.
             * @param message BackfillAccepted message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.BackfillAccepted.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a BackfillAccepted message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.BackfillAccepted & harrier.v1.BackfillAccepted.$Shape} BackfillAccepted
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.BackfillAccepted & harrier.v1.BackfillAccepted.$Shape;
        }

        namespace BackfillAccepted {

            /** Properties of a BackfillAccepted. */
            interface $Properties {

                /** BackfillAccepted transaction_id */
                transaction_id?: (string|null);

                /** BackfillAccepted position */
                position?: (number|Long|null);

                /** BackfillAccepted duplicate */
                duplicate?: (boolean|null);

                /** BackfillAccepted verdict */
                verdict?: (harrier.v1.Verdict|null);

                /** BackfillAccepted score */
                score?: (number|null);

                /** BackfillAccepted outcome_recorded */
                outcome_recorded?: (boolean|null);

                /** BackfillAccepted amendment_recorded */
                amendment_recorded?: (boolean|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a BackfillAccepted. */
            type $Shape = harrier.v1.BackfillAccepted.$Properties;
        }

        /**
         * Properties of a GetEntityRequest.
         * @deprecated Use harrier.v1.GetEntityRequest.$Properties instead.
         */
        interface IGetEntityRequest extends harrier.v1.GetEntityRequest.$Properties {
        }

        /** Represents a GetEntityRequest. */
        class GetEntityRequest {

            /**
             * Constructs a new GetEntityRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.GetEntityRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** GetEntityRequest entity. */
            entity: string;

            /** GetEntityRequest key. */
            key: string[];

            /** GetEntityRequest at_time_us. */
            at_time_us: (number|Long);

            /**
             * Encodes the specified GetEntityRequest message. Does not implicitly {@link harrier.v1.GetEntityRequest.verify|verify} messages.
             * @param message GetEntityRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.GetEntityRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a GetEntityRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.GetEntityRequest & harrier.v1.GetEntityRequest.$Shape} GetEntityRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.GetEntityRequest & harrier.v1.GetEntityRequest.$Shape;
        }

        namespace GetEntityRequest {

            /** Properties of a GetEntityRequest. */
            interface $Properties {

                /** GetEntityRequest entity */
                entity?: (string|null);

                /** GetEntityRequest key */
                key?: (string[]|null);

                /** GetEntityRequest at_time_us */
                at_time_us?: (number|Long|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a GetEntityRequest. */
            type $Shape = harrier.v1.GetEntityRequest.$Properties;
        }

        /**
         * Properties of a GetEntityResponse.
         * @deprecated Use harrier.v1.GetEntityResponse.$Properties instead.
         */
        interface IGetEntityResponse extends harrier.v1.GetEntityResponse.$Properties {
        }

        /** Represents a GetEntityResponse. */
        class GetEntityResponse {

            /**
             * Constructs a new GetEntityResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.GetEntityResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** GetEntityResponse features. */
            features: harrier.v1.NamedValue.$Properties[];

            /** GetEntityResponse newest_time_us. */
            newest_time_us: (number|Long);

            /** GetEntityResponse entries. */
            entries: (number|Long);

            /** GetEntityResponse state_bytes. */
            state_bytes: (number|Long);

            /** GetEntityResponse state_hash. */
            state_hash: (number|Long);

            /** GetEntityResponse at_time_us. */
            at_time_us: (number|Long);

            /**
             * Encodes the specified GetEntityResponse message. Does not implicitly {@link harrier.v1.GetEntityResponse.verify|verify} messages.
             * @param message GetEntityResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.GetEntityResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a GetEntityResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.GetEntityResponse & harrier.v1.GetEntityResponse.$Shape} GetEntityResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.GetEntityResponse & harrier.v1.GetEntityResponse.$Shape;
        }

        namespace GetEntityResponse {

            /** Properties of a GetEntityResponse. */
            interface $Properties {

                /** GetEntityResponse features */
                features?: (harrier.v1.NamedValue.$Properties[]|null);

                /** GetEntityResponse newest_time_us */
                newest_time_us?: (number|Long|null);

                /** GetEntityResponse entries */
                entries?: (number|Long|null);

                /** GetEntityResponse state_bytes */
                state_bytes?: (number|Long|null);

                /** GetEntityResponse state_hash */
                state_hash?: (number|Long|null);

                /** GetEntityResponse at_time_us */
                at_time_us?: (number|Long|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a GetEntityResponse. */
            type $Shape = {
              features?: harrier.v1.NamedValue.$Shape[]|null;
              newest_time_us?: number|Long|null;
              entries?: number|Long|null;
              state_bytes?: number|Long|null;
              state_hash?: number|Long|null;
              at_time_us?: number|Long|null;
              $unknowns?: Uint8Array[];
            };
        }

        /**
         * Properties of a ChangeListRequest.
         * @deprecated Use harrier.v1.ChangeListRequest.$Properties instead.
         */
        interface IChangeListRequest extends harrier.v1.ChangeListRequest.$Properties {
        }

        /** Represents a ChangeListRequest. */
        class ChangeListRequest {

            /**
             * Constructs a new ChangeListRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.ChangeListRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ChangeListRequest changes. */
            changes: harrier.v1.ListChange.$Properties[];

            /**
             * Encodes the specified ChangeListRequest message. Does not implicitly {@link harrier.v1.ChangeListRequest.verify|verify} messages.
             * @param message ChangeListRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.ChangeListRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ChangeListRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.ChangeListRequest & harrier.v1.ChangeListRequest.$Shape} ChangeListRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.ChangeListRequest & harrier.v1.ChangeListRequest.$Shape;
        }

        namespace ChangeListRequest {

            /** Properties of a ChangeListRequest. */
            interface $Properties {

                /** ChangeListRequest changes */
                changes?: (harrier.v1.ListChange.$Properties[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ChangeListRequest. */
            type $Shape = harrier.v1.ChangeListRequest.$Properties;
        }

        /**
         * Properties of a ListChange.
         * @deprecated Use harrier.v1.ListChange.$Properties instead.
         */
        interface IListChange extends harrier.v1.ListChange.$Properties {
        }

        /** Represents a ListChange. */
        class ListChange {

            /**
             * Constructs a new ListChange.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.ListChange.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ListChange list. */
            list: string;

            /** ListChange value. */
            value: string;

            /** ListChange remove. */
            remove: boolean;

            /** ListChange expiry_time_us. */
            expiry_time_us: (number|Long);

            /** ListChange source. */
            source: string;

            /** ListChange reason. */
            reason: string;

            /**
             * Encodes the specified ListChange message. Does not implicitly {@link harrier.v1.ListChange.verify|verify} messages.
             * @param message ListChange message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.ListChange.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ListChange message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.ListChange & harrier.v1.ListChange.$Shape} ListChange
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.ListChange & harrier.v1.ListChange.$Shape;
        }

        namespace ListChange {

            /** Properties of a ListChange. */
            interface $Properties {

                /** ListChange list */
                list?: (string|null);

                /** ListChange value */
                value?: (string|null);

                /** ListChange remove */
                remove?: (boolean|null);

                /** ListChange expiry_time_us */
                expiry_time_us?: (number|Long|null);

                /** ListChange source */
                source?: (string|null);

                /** ListChange reason */
                reason?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ListChange. */
            type $Shape = harrier.v1.ListChange.$Properties;
        }

        /**
         * Properties of a ChangeListResponse.
         * @deprecated Use harrier.v1.ChangeListResponse.$Properties instead.
         */
        interface IChangeListResponse extends harrier.v1.ChangeListResponse.$Properties {
        }

        /** Represents a ChangeListResponse. */
        class ChangeListResponse {

            /**
             * Constructs a new ChangeListResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.ChangeListResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ChangeListResponse results. */
            results: harrier.v1.ListChangeResult.$Properties[];

            /**
             * Encodes the specified ChangeListResponse message. Does not implicitly {@link harrier.v1.ChangeListResponse.verify|verify} messages.
             * @param message ChangeListResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.ChangeListResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ChangeListResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.ChangeListResponse & harrier.v1.ChangeListResponse.$Shape} ChangeListResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.ChangeListResponse & harrier.v1.ChangeListResponse.$Shape;
        }

        namespace ChangeListResponse {

            /** Properties of a ChangeListResponse. */
            interface $Properties {

                /** ChangeListResponse results */
                results?: (harrier.v1.ListChangeResult.$Properties[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ChangeListResponse. */
            type $Shape = {
              results?: harrier.v1.ListChangeResult.$Shape[]|null;
              $unknowns?: Uint8Array[];
            };
        }

        /**
         * Properties of a ListChangeResult.
         * @deprecated Use harrier.v1.ListChangeResult.$Properties instead.
         */
        interface IListChangeResult extends harrier.v1.ListChangeResult.$Properties {
        }

        /** Represents a ListChangeResult. */
        class ListChangeResult {

            /**
             * Constructs a new ListChangeResult.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.ListChangeResult.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ListChangeResult changed. */
            changed?: (harrier.v1.ListChanged.$Properties|null);

            /** ListChangeResult error. */
            error?: (harrier.v1.Error.$Properties|null);

            /** ListChangeResult result. */
            result?: ("changed"|"error");

            /**
             * Encodes the specified ListChangeResult message. Does not implicitly {@link harrier.v1.ListChangeResult.verify|verify} messages.
             * @param message ListChangeResult message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.ListChangeResult.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ListChangeResult message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.ListChangeResult & harrier.v1.ListChangeResult.$Shape} ListChangeResult
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.ListChangeResult & harrier.v1.ListChangeResult.$Shape;
        }

        namespace ListChangeResult {

            /** Properties of a ListChangeResult. */
            interface $Properties {

                /** ListChangeResult changed */
                changed?: (harrier.v1.ListChanged.$Properties|null);

                /** ListChangeResult error */
                error?: (harrier.v1.Error.$Properties|null);

                /** ListChangeResult result */
                result?: ("changed"|"error");

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Narrowed shape of a ListChangeResult. */
            type $Shape = {
              changed?: harrier.v1.ListChanged.$Shape|null;
              error?: harrier.v1.Error.$Shape|null;
              $unknowns?: Uint8Array[];
            } & (
              ({ result?: undefined; changed?: null; error?: null }|{ result?: "changed"; changed: harrier.v1.ListChanged.$Shape; error?: null }|{ result?: "error"; changed?: null; error: harrier.v1.Error.$Shape })
            );
        }

        /**
         * Properties of a ListChanged.
         * @deprecated Use harrier.v1.ListChanged.$Properties instead.
         */
        interface IListChanged extends harrier.v1.ListChanged.$Properties {
        }

        /** Represents a ListChanged. */
        class ListChanged {

            /**
             * Constructs a new ListChanged.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.ListChanged.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ListChanged list. */
            list: string;

            /** ListChanged value. */
            value: string;

            /** ListChanged position. */
            position: (number|Long);

            /** ListChanged changed. */
            changed: boolean;

            /** ListChanged was_there. */
            was_there: boolean;

            /** ListChanged previous_expiry_time_us. */
            previous_expiry_time_us: (number|Long);

            /** ListChanged in_policy. */
            in_policy: boolean;

            /**
             * Encodes the specified ListChanged message. Does not implicitly {@link harrier.v1.ListChanged.verify|verify} messages.
             * @param message ListChanged message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.ListChanged.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ListChanged message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.ListChanged & harrier.v1.ListChanged.$Shape} ListChanged
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.ListChanged & harrier.v1.ListChanged.$Shape;
        }

        namespace ListChanged {

            /** Properties of a ListChanged. */
            interface $Properties {

                /** ListChanged list */
                list?: (string|null);

                /** ListChanged value */
                value?: (string|null);

                /** ListChanged position */
                position?: (number|Long|null);

                /** ListChanged changed */
                changed?: (boolean|null);

                /** ListChanged was_there */
                was_there?: (boolean|null);

                /** ListChanged previous_expiry_time_us */
                previous_expiry_time_us?: (number|Long|null);

                /** ListChanged in_policy */
                in_policy?: (boolean|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ListChanged. */
            type $Shape = harrier.v1.ListChanged.$Properties;
        }

        /**
         * Properties of a GetListRequest.
         * @deprecated Use harrier.v1.GetListRequest.$Properties instead.
         */
        interface IGetListRequest extends harrier.v1.GetListRequest.$Properties {
        }

        /** Represents a GetListRequest. */
        class GetListRequest {

            /**
             * Constructs a new GetListRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.GetListRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** GetListRequest list. */
            list: string;

            /** GetListRequest after_position. */
            after_position: (number|Long);

            /** GetListRequest limit. */
            limit: number;

            /**
             * Encodes the specified GetListRequest message. Does not implicitly {@link harrier.v1.GetListRequest.verify|verify} messages.
             * @param message GetListRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.GetListRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a GetListRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.GetListRequest & harrier.v1.GetListRequest.$Shape} GetListRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.GetListRequest & harrier.v1.GetListRequest.$Shape;
        }

        namespace GetListRequest {

            /** Properties of a GetListRequest. */
            interface $Properties {

                /** GetListRequest list */
                list?: (string|null);

                /** GetListRequest after_position */
                after_position?: (number|Long|null);

                /** GetListRequest limit */
                limit?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a GetListRequest. */
            type $Shape = harrier.v1.GetListRequest.$Properties;
        }

        /**
         * Properties of a GetListResponse.
         * @deprecated Use harrier.v1.GetListResponse.$Properties instead.
         */
        interface IGetListResponse extends harrier.v1.GetListResponse.$Properties {
        }

        /** Represents a GetListResponse. */
        class GetListResponse {

            /**
             * Constructs a new GetListResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.GetListResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** GetListResponse lists. */
            lists: harrier.v1.ListSummary.$Properties[];

            /** GetListResponse entries. */
            entries: harrier.v1.ListEntry.$Properties[];

            /** GetListResponse next_position. */
            next_position: (number|Long);

            /**
             * Encodes the specified GetListResponse message. Does not implicitly {@link harrier.v1.GetListResponse.verify|verify} messages.
             * @param message GetListResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.GetListResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a GetListResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.GetListResponse & harrier.v1.GetListResponse.$Shape} GetListResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.GetListResponse & harrier.v1.GetListResponse.$Shape;
        }

        namespace GetListResponse {

            /** Properties of a GetListResponse. */
            interface $Properties {

                /** GetListResponse lists */
                lists?: (harrier.v1.ListSummary.$Properties[]|null);

                /** GetListResponse entries */
                entries?: (harrier.v1.ListEntry.$Properties[]|null);

                /** GetListResponse next_position */
                next_position?: (number|Long|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a GetListResponse. */
            type $Shape = harrier.v1.GetListResponse.$Properties;
        }

        /**
         * Properties of a ListSummary.
         * @deprecated Use harrier.v1.ListSummary.$Properties instead.
         */
        interface IListSummary extends harrier.v1.ListSummary.$Properties {
        }

        /** Represents a ListSummary. */
        class ListSummary {

            /**
             * Constructs a new ListSummary.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.ListSummary.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ListSummary list. */
            list: string;

            /** ListSummary type. */
            type: string;

            /** ListSummary about. */
            about: string;

            /** ListSummary declared. */
            declared: boolean;

            /** ListSummary runtime. */
            runtime: boolean;

            /** ListSummary file. */
            file: string;

            /** ListSummary policy_entries. */
            policy_entries: (number|Long);

            /** ListSummary added_entries. */
            added_entries: (number|Long);

            /** ListSummary used_entries. */
            used_entries: (number|Long);

            /** ListSummary changes. */
            changes: (number|Long);

            /** ListSummary last_change_time_us. */
            last_change_time_us: (number|Long);

            /**
             * Encodes the specified ListSummary message. Does not implicitly {@link harrier.v1.ListSummary.verify|verify} messages.
             * @param message ListSummary message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.ListSummary.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ListSummary message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.ListSummary & harrier.v1.ListSummary.$Shape} ListSummary
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.ListSummary & harrier.v1.ListSummary.$Shape;
        }

        namespace ListSummary {

            /** Properties of a ListSummary. */
            interface $Properties {

                /** ListSummary list */
                list?: (string|null);

                /** ListSummary type */
                type?: (string|null);

                /** ListSummary about */
                about?: (string|null);

                /** ListSummary declared */
                declared?: (boolean|null);

                /** ListSummary runtime */
                runtime?: (boolean|null);

                /** ListSummary file */
                file?: (string|null);

                /** ListSummary policy_entries */
                policy_entries?: (number|Long|null);

                /** ListSummary added_entries */
                added_entries?: (number|Long|null);

                /** ListSummary used_entries */
                used_entries?: (number|Long|null);

                /** ListSummary changes */
                changes?: (number|Long|null);

                /** ListSummary last_change_time_us */
                last_change_time_us?: (number|Long|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ListSummary. */
            type $Shape = harrier.v1.ListSummary.$Properties;
        }

        /**
         * Properties of a ListEntry.
         * @deprecated Use harrier.v1.ListEntry.$Properties instead.
         */
        interface IListEntry extends harrier.v1.ListEntry.$Properties {
        }

        /** Represents a ListEntry. */
        class ListEntry {

            /**
             * Constructs a new ListEntry.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.ListEntry.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ListEntry value. */
            value: string;

            /** ListEntry expiry_time_us. */
            expiry_time_us: (number|Long);

            /** ListEntry position. */
            position: (number|Long);

            /** ListEntry receive_time_us. */
            receive_time_us: (number|Long);

            /** ListEntry source. */
            source: string;

            /** ListEntry reason. */
            reason: string;

            /**
             * Encodes the specified ListEntry message. Does not implicitly {@link harrier.v1.ListEntry.verify|verify} messages.
             * @param message ListEntry message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.ListEntry.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ListEntry message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.ListEntry & harrier.v1.ListEntry.$Shape} ListEntry
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.ListEntry & harrier.v1.ListEntry.$Shape;
        }

        namespace ListEntry {

            /** Properties of a ListEntry. */
            interface $Properties {

                /** ListEntry value */
                value?: (string|null);

                /** ListEntry expiry_time_us */
                expiry_time_us?: (number|Long|null);

                /** ListEntry position */
                position?: (number|Long|null);

                /** ListEntry receive_time_us */
                receive_time_us?: (number|Long|null);

                /** ListEntry source */
                source?: (string|null);

                /** ListEntry reason */
                reason?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ListEntry. */
            type $Shape = harrier.v1.ListEntry.$Properties;
        }

        /**
         * Properties of a ChangeBrakeRequest.
         * @deprecated Use harrier.v1.ChangeBrakeRequest.$Properties instead.
         */
        interface IChangeBrakeRequest extends harrier.v1.ChangeBrakeRequest.$Properties {
        }

        /** Represents a ChangeBrakeRequest. */
        class ChangeBrakeRequest {

            /**
             * Constructs a new ChangeBrakeRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.ChangeBrakeRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ChangeBrakeRequest rule. */
            rule: string;

            /** ChangeBrakeRequest policy. */
            policy: boolean;

            /** ChangeBrakeRequest pull. */
            pull: boolean;

            /** ChangeBrakeRequest definition. */
            definition: (number|Long);

            /** ChangeBrakeRequest source. */
            source: string;

            /** ChangeBrakeRequest reason. */
            reason: string;

            /**
             * Encodes the specified ChangeBrakeRequest message. Does not implicitly {@link harrier.v1.ChangeBrakeRequest.verify|verify} messages.
             * @param message ChangeBrakeRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.ChangeBrakeRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ChangeBrakeRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.ChangeBrakeRequest & harrier.v1.ChangeBrakeRequest.$Shape} ChangeBrakeRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.ChangeBrakeRequest & harrier.v1.ChangeBrakeRequest.$Shape;
        }

        namespace ChangeBrakeRequest {

            /** Properties of a ChangeBrakeRequest. */
            interface $Properties {

                /** ChangeBrakeRequest rule */
                rule?: (string|null);

                /** ChangeBrakeRequest policy */
                policy?: (boolean|null);

                /** ChangeBrakeRequest pull */
                pull?: (boolean|null);

                /** ChangeBrakeRequest definition */
                definition?: (number|Long|null);

                /** ChangeBrakeRequest source */
                source?: (string|null);

                /** ChangeBrakeRequest reason */
                reason?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ChangeBrakeRequest. */
            type $Shape = harrier.v1.ChangeBrakeRequest.$Properties;
        }

        /**
         * Properties of a ChangeBrakeResponse.
         * @deprecated Use harrier.v1.ChangeBrakeResponse.$Properties instead.
         */
        interface IChangeBrakeResponse extends harrier.v1.ChangeBrakeResponse.$Properties {
        }

        /** Represents a ChangeBrakeResponse. */
        class ChangeBrakeResponse {

            /**
             * Constructs a new ChangeBrakeResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.ChangeBrakeResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ChangeBrakeResponse changed. */
            changed: boolean;

            /** ChangeBrakeResponse position. */
            position: (number|Long);

            /** ChangeBrakeResponse definition. */
            definition: (number|Long);

            /**
             * Encodes the specified ChangeBrakeResponse message. Does not implicitly {@link harrier.v1.ChangeBrakeResponse.verify|verify} messages.
             * @param message ChangeBrakeResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.ChangeBrakeResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ChangeBrakeResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.ChangeBrakeResponse & harrier.v1.ChangeBrakeResponse.$Shape} ChangeBrakeResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.ChangeBrakeResponse & harrier.v1.ChangeBrakeResponse.$Shape;
        }

        namespace ChangeBrakeResponse {

            /** Properties of a ChangeBrakeResponse. */
            interface $Properties {

                /** ChangeBrakeResponse changed */
                changed?: (boolean|null);

                /** ChangeBrakeResponse position */
                position?: (number|Long|null);

                /** ChangeBrakeResponse definition */
                definition?: (number|Long|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ChangeBrakeResponse. */
            type $Shape = harrier.v1.ChangeBrakeResponse.$Properties;
        }

        /**
         * Properties of a Brake.
         * @deprecated Use harrier.v1.Brake.$Properties instead.
         */
        interface IBrake extends harrier.v1.Brake.$Properties {
        }

        /** Represents a Brake. */
        class Brake {

            /**
             * Constructs a new Brake.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.Brake.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Brake rule. */
            rule: string;

            /** Brake definition. */
            definition: (number|Long);

            /** Brake applies. */
            applies: boolean;

            /** Brake pulled_time_us. */
            pulled_time_us: (number|Long);

            /** Brake position. */
            position: (number|Long);

            /** Brake source. */
            source: string;

            /** Brake reason. */
            reason: string;

            /**
             * Encodes the specified Brake message. Does not implicitly {@link harrier.v1.Brake.verify|verify} messages.
             * @param message Brake message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.Brake.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Brake message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.Brake & harrier.v1.Brake.$Shape} Brake
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.Brake & harrier.v1.Brake.$Shape;
        }

        namespace Brake {

            /** Properties of a Brake. */
            interface $Properties {

                /** Brake rule */
                rule?: (string|null);

                /** Brake definition */
                definition?: (number|Long|null);

                /** Brake applies */
                applies?: (boolean|null);

                /** Brake pulled_time_us */
                pulled_time_us?: (number|Long|null);

                /** Brake position */
                position?: (number|Long|null);

                /** Brake source */
                source?: (string|null);

                /** Brake reason */
                reason?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Brake. */
            type $Shape = harrier.v1.Brake.$Properties;
        }

        /**
         * Properties of a StatusRequest.
         * @deprecated Use harrier.v1.StatusRequest.$Properties instead.
         */
        interface IStatusRequest extends harrier.v1.StatusRequest.$Properties {
        }

        /** Represents a StatusRequest. */
        class StatusRequest {

            /**
             * Constructs a new StatusRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.StatusRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** StatusRequest state_hash. */
            state_hash: boolean;

            /**
             * Encodes the specified StatusRequest message. Does not implicitly {@link harrier.v1.StatusRequest.verify|verify} messages.
             * @param message StatusRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.StatusRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a StatusRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.StatusRequest & harrier.v1.StatusRequest.$Shape} StatusRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.StatusRequest & harrier.v1.StatusRequest.$Shape;
        }

        namespace StatusRequest {

            /** Properties of a StatusRequest. */
            interface $Properties {

                /** StatusRequest state_hash */
                state_hash?: (boolean|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a StatusRequest. */
            type $Shape = harrier.v1.StatusRequest.$Properties;
        }

        /**
         * Properties of a StatusResponse.
         * @deprecated Use harrier.v1.StatusResponse.$Properties instead.
         */
        interface IStatusResponse extends harrier.v1.StatusResponse.$Properties {
        }

        /** Represents a StatusResponse. */
        class StatusResponse {

            /**
             * Constructs a new StatusResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.StatusResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** StatusResponse version. */
            version: string;

            /** StatusResponse state. */
            state: string;

            /** StatusResponse state_reason. */
            state_reason: string;

            /** StatusResponse started_time_us. */
            started_time_us: (number|Long);

            /** StatusResponse policy_name. */
            policy_name: string;

            /** StatusResponse snapshot_id. */
            snapshot_id: (number|Long);

            /** StatusResponse reload_error. */
            reload_error: string;

            /** StatusResponse refused_since_time_us. */
            refused_since_time_us: (number|Long);

            /** StatusResponse generation_id. */
            generation_id: (number|Long);

            /** StatusResponse generation_position. */
            generation_position: (number|Long);

            /** StatusResponse generation_time_us. */
            generation_time_us: (number|Long);

            /** StatusResponse stale. */
            stale: boolean;

            /** StatusResponse warming_features. */
            warming_features: string[];

            /** StatusResponse warming_feature_count. */
            warming_feature_count: (number|Long);

            /** StatusResponse warming_rules. */
            warming_rules: string[];

            /** StatusResponse warming_rule_count. */
            warming_rule_count: (number|Long);

            /** StatusResponse ids_since_time_us. */
            ids_since_time_us: (number|Long);

            /** StatusResponse position. */
            position: (number|Long);

            /** StatusResponse synced_position. */
            synced_position: (number|Long);

            /** StatusResponse transactions. */
            transactions: (number|Long);

            /** StatusResponse outcomes. */
            outcomes: (number|Long);

            /** StatusResponse labels. */
            labels: harrier.v1.LabelCount.$Properties[];

            /** StatusResponse newest_event_time_us. */
            newest_event_time_us: (number|Long);

            /** StatusResponse overlay_entities. */
            overlay_entities: (number|Long);

            /** StatusResponse overlay_bytes. */
            overlay_bytes: (number|Long);

            /** StatusResponse overlay_memory_bytes. */
            overlay_memory_bytes: (number|Long);

            /** StatusResponse state_hash. */
            state_hash: (number|Long);

            /** StatusResponse duplicates. */
            duplicates: (number|Long);

            /** StatusResponse rejected. */
            rejected: (number|Long);

            /** StatusResponse swap_state. */
            swap_state: string;

            /** StatusResponse swap_reason. */
            swap_reason: string;

            /** StatusResponse compared_entities. */
            compared_entities: (number|Long);

            /** StatusResponse differing_entities. */
            differing_entities: (number|Long);

            /** StatusResponse node. */
            node: string;

            /** StatusResponse primary. */
            primary: string;

            /** StatusResponse committed_position. */
            committed_position: (number|Long);

            /** StatusResponse brakes. */
            brakes: harrier.v1.Brake.$Properties[];

            /** StatusResponse brake_count. */
            brake_count: (number|Long);

            /** StatusResponse sources. */
            sources: harrier.v1.SourceStatus.$Properties[];

            /** StatusResponse other_source_transactions. */
            other_source_transactions: (number|Long);

            /** StatusResponse experiment. */
            experiment?: (harrier.v1.Experiment.$Properties|null);

            /** StatusResponse challenger_error. */
            challenger_error: string;

            /** StatusResponse backup_time_us. */
            backup_time_us: (number|Long);

            /** StatusResponse backup_position. */
            backup_position: (number|Long);

            /**
             * Encodes the specified StatusResponse message. Does not implicitly {@link harrier.v1.StatusResponse.verify|verify} messages.
             * @param message StatusResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.StatusResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a StatusResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.StatusResponse & harrier.v1.StatusResponse.$Shape} StatusResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.StatusResponse & harrier.v1.StatusResponse.$Shape;
        }

        namespace StatusResponse {

            /** Properties of a StatusResponse. */
            interface $Properties {

                /** StatusResponse version */
                version?: (string|null);

                /** StatusResponse state */
                state?: (string|null);

                /** StatusResponse state_reason */
                state_reason?: (string|null);

                /** StatusResponse started_time_us */
                started_time_us?: (number|Long|null);

                /** StatusResponse policy_name */
                policy_name?: (string|null);

                /** StatusResponse snapshot_id */
                snapshot_id?: (number|Long|null);

                /** StatusResponse reload_error */
                reload_error?: (string|null);

                /** StatusResponse refused_since_time_us */
                refused_since_time_us?: (number|Long|null);

                /** StatusResponse generation_id */
                generation_id?: (number|Long|null);

                /** StatusResponse generation_position */
                generation_position?: (number|Long|null);

                /** StatusResponse generation_time_us */
                generation_time_us?: (number|Long|null);

                /** StatusResponse stale */
                stale?: (boolean|null);

                /** StatusResponse warming_features */
                warming_features?: (string[]|null);

                /** StatusResponse warming_feature_count */
                warming_feature_count?: (number|Long|null);

                /** StatusResponse warming_rules */
                warming_rules?: (string[]|null);

                /** StatusResponse warming_rule_count */
                warming_rule_count?: (number|Long|null);

                /** StatusResponse ids_since_time_us */
                ids_since_time_us?: (number|Long|null);

                /** StatusResponse position */
                position?: (number|Long|null);

                /** StatusResponse synced_position */
                synced_position?: (number|Long|null);

                /** StatusResponse transactions */
                transactions?: (number|Long|null);

                /** StatusResponse outcomes */
                outcomes?: (number|Long|null);

                /** StatusResponse labels */
                labels?: (harrier.v1.LabelCount.$Properties[]|null);

                /** StatusResponse newest_event_time_us */
                newest_event_time_us?: (number|Long|null);

                /** StatusResponse overlay_entities */
                overlay_entities?: (number|Long|null);

                /** StatusResponse overlay_bytes */
                overlay_bytes?: (number|Long|null);

                /** StatusResponse overlay_memory_bytes */
                overlay_memory_bytes?: (number|Long|null);

                /** StatusResponse state_hash */
                state_hash?: (number|Long|null);

                /** StatusResponse duplicates */
                duplicates?: (number|Long|null);

                /** StatusResponse rejected */
                rejected?: (number|Long|null);

                /** StatusResponse swap_state */
                swap_state?: (string|null);

                /** StatusResponse swap_reason */
                swap_reason?: (string|null);

                /** StatusResponse compared_entities */
                compared_entities?: (number|Long|null);

                /** StatusResponse differing_entities */
                differing_entities?: (number|Long|null);

                /** StatusResponse node */
                node?: (string|null);

                /** StatusResponse primary */
                primary?: (string|null);

                /** StatusResponse committed_position */
                committed_position?: (number|Long|null);

                /** StatusResponse brakes */
                brakes?: (harrier.v1.Brake.$Properties[]|null);

                /** StatusResponse brake_count */
                brake_count?: (number|Long|null);

                /** StatusResponse sources */
                sources?: (harrier.v1.SourceStatus.$Properties[]|null);

                /** StatusResponse other_source_transactions */
                other_source_transactions?: (number|Long|null);

                /** StatusResponse experiment */
                experiment?: (harrier.v1.Experiment.$Properties|null);

                /** StatusResponse challenger_error */
                challenger_error?: (string|null);

                /** StatusResponse backup_time_us */
                backup_time_us?: (number|Long|null);

                /** StatusResponse backup_position */
                backup_position?: (number|Long|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a StatusResponse. */
            type $Shape = harrier.v1.StatusResponse.$Properties;
        }

        /**
         * Properties of a SourceStatus.
         * @deprecated Use harrier.v1.SourceStatus.$Properties instead.
         */
        interface ISourceStatus extends harrier.v1.SourceStatus.$Properties {
        }

        /** Represents a SourceStatus. */
        class SourceStatus {

            /**
             * Constructs a new SourceStatus.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.SourceStatus.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** SourceStatus source. */
            source: string;

            /** SourceStatus transactions. */
            transactions: (number|Long);

            /** SourceStatus last_receive_time_us. */
            last_receive_time_us: (number|Long);

            /** SourceStatus first. */
            first: (number|Long);

            /** SourceStatus highest. */
            highest: (number|Long);

            /** SourceStatus gaps. */
            gaps: (number|Long);

            /** SourceStatus missed. */
            missed: (number|Long);

            /** SourceStatus late. */
            late: (number|Long);

            /** SourceStatus repeats. */
            repeats: (number|Long);

            /** SourceStatus restarts. */
            restarts: (number|Long);

            /** SourceStatus missing. */
            missing: harrier.v1.SourceRange.$Properties[];

            /**
             * Encodes the specified SourceStatus message. Does not implicitly {@link harrier.v1.SourceStatus.verify|verify} messages.
             * @param message SourceStatus message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.SourceStatus.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a SourceStatus message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.SourceStatus & harrier.v1.SourceStatus.$Shape} SourceStatus
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.SourceStatus & harrier.v1.SourceStatus.$Shape;
        }

        namespace SourceStatus {

            /** Properties of a SourceStatus. */
            interface $Properties {

                /** SourceStatus source */
                source?: (string|null);

                /** SourceStatus transactions */
                transactions?: (number|Long|null);

                /** SourceStatus last_receive_time_us */
                last_receive_time_us?: (number|Long|null);

                /** SourceStatus first */
                first?: (number|Long|null);

                /** SourceStatus highest */
                highest?: (number|Long|null);

                /** SourceStatus gaps */
                gaps?: (number|Long|null);

                /** SourceStatus missed */
                missed?: (number|Long|null);

                /** SourceStatus late */
                late?: (number|Long|null);

                /** SourceStatus repeats */
                repeats?: (number|Long|null);

                /** SourceStatus restarts */
                restarts?: (number|Long|null);

                /** SourceStatus missing */
                missing?: (harrier.v1.SourceRange.$Properties[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a SourceStatus. */
            type $Shape = harrier.v1.SourceStatus.$Properties;
        }

        /**
         * Properties of a SourceRange.
         * @deprecated Use harrier.v1.SourceRange.$Properties instead.
         */
        interface ISourceRange extends harrier.v1.SourceRange.$Properties {
        }

        /** Represents a SourceRange. */
        class SourceRange {

            /**
             * Constructs a new SourceRange.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.SourceRange.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** SourceRange first. */
            first: (number|Long);

            /** SourceRange last. */
            last: (number|Long);

            /**
             * Encodes the specified SourceRange message. Does not implicitly {@link harrier.v1.SourceRange.verify|verify} messages.
             * @param message SourceRange message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.SourceRange.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a SourceRange message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.SourceRange & harrier.v1.SourceRange.$Shape} SourceRange
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.SourceRange & harrier.v1.SourceRange.$Shape;
        }

        namespace SourceRange {

            /** Properties of a SourceRange. */
            interface $Properties {

                /** SourceRange first */
                first?: (number|Long|null);

                /** SourceRange last */
                last?: (number|Long|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a SourceRange. */
            type $Shape = harrier.v1.SourceRange.$Properties;
        }

        /**
         * Properties of an Experiment.
         * @deprecated Use harrier.v1.Experiment.$Properties instead.
         */
        interface IExperiment extends harrier.v1.Experiment.$Properties {
        }

        /** Represents an Experiment. */
        class Experiment {

            /**
             * Constructs a new Experiment.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.Experiment.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Experiment name. */
            name: string;

            /** Experiment key. */
            key: string;

            /** Experiment share_e4. */
            share_e4: number;

            /** Experiment policy_name. */
            policy_name: string;

            /** Experiment snapshot_id. */
            snapshot_id: (number|Long);

            /** Experiment position. */
            position: (number|Long);

            /** Experiment since_time_us. */
            since_time_us: (number|Long);

            /** Experiment champion_decisions. */
            champion_decisions: (number|Long);

            /** Experiment challenger_decisions. */
            challenger_decisions: (number|Long);

            /**
             * Encodes the specified Experiment message. Does not implicitly {@link harrier.v1.Experiment.verify|verify} messages.
             * @param message Experiment message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.Experiment.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an Experiment message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.Experiment & harrier.v1.Experiment.$Shape} Experiment
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.Experiment & harrier.v1.Experiment.$Shape;
        }

        namespace Experiment {

            /** Properties of an Experiment. */
            interface $Properties {

                /** Experiment name */
                name?: (string|null);

                /** Experiment key */
                key?: (string|null);

                /** Experiment share_e4 */
                share_e4?: (number|null);

                /** Experiment policy_name */
                policy_name?: (string|null);

                /** Experiment snapshot_id */
                snapshot_id?: (number|Long|null);

                /** Experiment position */
                position?: (number|Long|null);

                /** Experiment since_time_us */
                since_time_us?: (number|Long|null);

                /** Experiment champion_decisions */
                champion_decisions?: (number|Long|null);

                /** Experiment challenger_decisions */
                challenger_decisions?: (number|Long|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an Experiment. */
            type $Shape = harrier.v1.Experiment.$Properties;
        }

        /**
         * Properties of a LabelCount.
         * @deprecated Use harrier.v1.LabelCount.$Properties instead.
         */
        interface ILabelCount extends harrier.v1.LabelCount.$Properties {
        }

        /** Represents a LabelCount. */
        class LabelCount {

            /**
             * Constructs a new LabelCount.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.LabelCount.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** LabelCount label. */
            label: harrier.v1.Label;

            /** LabelCount transactions. */
            transactions: (number|Long);

            /**
             * Encodes the specified LabelCount message. Does not implicitly {@link harrier.v1.LabelCount.verify|verify} messages.
             * @param message LabelCount message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.LabelCount.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a LabelCount message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.LabelCount & harrier.v1.LabelCount.$Shape} LabelCount
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.LabelCount & harrier.v1.LabelCount.$Shape;
        }

        namespace LabelCount {

            /** Properties of a LabelCount. */
            interface $Properties {

                /** LabelCount label */
                label?: (harrier.v1.Label|null);

                /** LabelCount transactions */
                transactions?: (number|Long|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a LabelCount. */
            type $Shape = harrier.v1.LabelCount.$Properties;
        }

        /**
         * Properties of a ReloadRequest.
         * @deprecated Use harrier.v1.ReloadRequest.$Properties instead.
         */
        interface IReloadRequest extends harrier.v1.ReloadRequest.$Properties {
        }

        /** Represents a ReloadRequest. */
        class ReloadRequest {

            /**
             * Constructs a new ReloadRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.ReloadRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ReloadRequest wait. */
            wait: boolean;

            /**
             * Encodes the specified ReloadRequest message. Does not implicitly {@link harrier.v1.ReloadRequest.verify|verify} messages.
             * @param message ReloadRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.ReloadRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ReloadRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.ReloadRequest & harrier.v1.ReloadRequest.$Shape} ReloadRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.ReloadRequest & harrier.v1.ReloadRequest.$Shape;
        }

        namespace ReloadRequest {

            /** Properties of a ReloadRequest. */
            interface $Properties {

                /** ReloadRequest wait */
                wait?: (boolean|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ReloadRequest. */
            type $Shape = harrier.v1.ReloadRequest.$Properties;
        }

        /**
         * Properties of a ReloadResponse.
         * @deprecated Use harrier.v1.ReloadResponse.$Properties instead.
         */
        interface IReloadResponse extends harrier.v1.ReloadResponse.$Properties {
        }

        /** Represents a ReloadResponse. */
        class ReloadResponse {

            /**
             * Constructs a new ReloadResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.ReloadResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ReloadResponse result. */
            result: harrier.v1.ReloadResult;

            /** ReloadResponse policy_name. */
            policy_name: string;

            /** ReloadResponse snapshot_id. */
            snapshot_id: (number|Long);

            /** ReloadResponse error. */
            error: string;

            /** ReloadResponse messages. */
            messages: string;

            /** ReloadResponse warming_features. */
            warming_features: string[];

            /** ReloadResponse warming_feature_count. */
            warming_feature_count: (number|Long);

            /** ReloadResponse warming_rules. */
            warming_rules: string[];

            /** ReloadResponse warming_rule_count. */
            warming_rule_count: (number|Long);

            /** ReloadResponse shadows. */
            shadows: harrier.v1.ShadowReload.$Properties[];

            /**
             * Encodes the specified ReloadResponse message. Does not implicitly {@link harrier.v1.ReloadResponse.verify|verify} messages.
             * @param message ReloadResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.ReloadResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ReloadResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.ReloadResponse & harrier.v1.ReloadResponse.$Shape} ReloadResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.ReloadResponse & harrier.v1.ReloadResponse.$Shape;
        }

        namespace ReloadResponse {

            /** Properties of a ReloadResponse. */
            interface $Properties {

                /** ReloadResponse result */
                result?: (harrier.v1.ReloadResult|null);

                /** ReloadResponse policy_name */
                policy_name?: (string|null);

                /** ReloadResponse snapshot_id */
                snapshot_id?: (number|Long|null);

                /** ReloadResponse error */
                error?: (string|null);

                /** ReloadResponse messages */
                messages?: (string|null);

                /** ReloadResponse warming_features */
                warming_features?: (string[]|null);

                /** ReloadResponse warming_feature_count */
                warming_feature_count?: (number|Long|null);

                /** ReloadResponse warming_rules */
                warming_rules?: (string[]|null);

                /** ReloadResponse warming_rule_count */
                warming_rule_count?: (number|Long|null);

                /** ReloadResponse shadows */
                shadows?: (harrier.v1.ShadowReload.$Properties[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ReloadResponse. */
            type $Shape = harrier.v1.ReloadResponse.$Properties;
        }

        /** ReloadResult enum. */
        enum ReloadResult {

            /** RELOAD_UNSPECIFIED value */
            RELOAD_UNSPECIFIED = 0,

            /** RELOAD_ADOPTED value */
            RELOAD_ADOPTED = 1,

            /** RELOAD_UNCHANGED value */
            RELOAD_UNCHANGED = 2,

            /** RELOAD_REFUSED value */
            RELOAD_REFUSED = 3
        }

        /**
         * Properties of a ShadowReload.
         * @deprecated Use harrier.v1.ShadowReload.$Properties instead.
         */
        interface IShadowReload extends harrier.v1.ShadowReload.$Properties {
        }

        /** Represents a ShadowReload. */
        class ShadowReload {

            /**
             * Constructs a new ShadowReload.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.ShadowReload.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ShadowReload folder. */
            folder: string;

            /** ShadowReload result. */
            result: harrier.v1.ReloadResult;

            /** ShadowReload policy_name. */
            policy_name: string;

            /** ShadowReload snapshot_id. */
            snapshot_id: (number|Long);

            /** ShadowReload error. */
            error: string;

            /** ShadowReload messages. */
            messages: string;

            /**
             * Encodes the specified ShadowReload message. Does not implicitly {@link harrier.v1.ShadowReload.verify|verify} messages.
             * @param message ShadowReload message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.ShadowReload.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ShadowReload message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.ShadowReload & harrier.v1.ShadowReload.$Shape} ShadowReload
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.ShadowReload & harrier.v1.ShadowReload.$Shape;
        }

        namespace ShadowReload {

            /** Properties of a ShadowReload. */
            interface $Properties {

                /** ShadowReload folder */
                folder?: (string|null);

                /** ShadowReload result */
                result?: (harrier.v1.ReloadResult|null);

                /** ShadowReload policy_name */
                policy_name?: (string|null);

                /** ShadowReload snapshot_id */
                snapshot_id?: (number|Long|null);

                /** ShadowReload error */
                error?: (string|null);

                /** ShadowReload messages */
                messages?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ShadowReload. */
            type $Shape = harrier.v1.ShadowReload.$Properties;
        }

        /**
         * Properties of a FindRequest.
         * @deprecated Use harrier.v1.FindRequest.$Properties instead.
         */
        interface IFindRequest extends harrier.v1.FindRequest.$Properties {
        }

        /** Represents a FindRequest. */
        class FindRequest {

            /**
             * Constructs a new FindRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.FindRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** FindRequest from_us. */
            from_us: (number|Long);

            /** FindRequest until_us. */
            until_us: (number|Long);

            /** FindRequest received_from_us. */
            received_from_us: (number|Long);

            /** FindRequest received_until_us. */
            received_until_us: (number|Long);

            /** FindRequest verdicts. */
            verdicts: harrier.v1.Verdict[];

            /** FindRequest score. */
            score?: (harrier.v1.ScoreRange.$Properties|null);

            /** FindRequest amount. */
            amount?: (harrier.v1.AmountRange.$Properties|null);

            /** FindRequest currency. */
            currency: string;

            /** FindRequest rule. */
            rule: string;

            /** FindRequest shadow. */
            shadow: boolean;

            /** FindRequest keys. */
            keys: harrier.v1.FindKey.$Properties[];

            /** FindRequest labels. */
            labels: harrier.v1.Label[];

            /** FindRequest transaction_id. */
            transaction_id: string;

            /** FindRequest limit. */
            limit: number;

            /** FindRequest cursor. */
            cursor: string;

            /**
             * Encodes the specified FindRequest message. Does not implicitly {@link harrier.v1.FindRequest.verify|verify} messages.
             * @param message FindRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.FindRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a FindRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.FindRequest & harrier.v1.FindRequest.$Shape} FindRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.FindRequest & harrier.v1.FindRequest.$Shape;
        }

        namespace FindRequest {

            /** Properties of a FindRequest. */
            interface $Properties {

                /** FindRequest from_us */
                from_us?: (number|Long|null);

                /** FindRequest until_us */
                until_us?: (number|Long|null);

                /** FindRequest received_from_us */
                received_from_us?: (number|Long|null);

                /** FindRequest received_until_us */
                received_until_us?: (number|Long|null);

                /** FindRequest verdicts */
                verdicts?: (harrier.v1.Verdict[]|null);

                /** FindRequest score */
                score?: (harrier.v1.ScoreRange.$Properties|null);

                /** FindRequest amount */
                amount?: (harrier.v1.AmountRange.$Properties|null);

                /** FindRequest currency */
                currency?: (string|null);

                /** FindRequest rule */
                rule?: (string|null);

                /** FindRequest shadow */
                shadow?: (boolean|null);

                /** FindRequest keys */
                keys?: (harrier.v1.FindKey.$Properties[]|null);

                /** FindRequest labels */
                labels?: (harrier.v1.Label[]|null);

                /** FindRequest transaction_id */
                transaction_id?: (string|null);

                /** FindRequest limit */
                limit?: (number|null);

                /** FindRequest cursor */
                cursor?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a FindRequest. */
            type $Shape = harrier.v1.FindRequest.$Properties;
        }

        /**
         * Properties of a ScoreRange.
         * @deprecated Use harrier.v1.ScoreRange.$Properties instead.
         */
        interface IScoreRange extends harrier.v1.ScoreRange.$Properties {
        }

        /** Represents a ScoreRange. */
        class ScoreRange {

            /**
             * Constructs a new ScoreRange.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.ScoreRange.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ScoreRange min. */
            min: number;

            /** ScoreRange max. */
            max: number;

            /**
             * Encodes the specified ScoreRange message. Does not implicitly {@link harrier.v1.ScoreRange.verify|verify} messages.
             * @param message ScoreRange message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.ScoreRange.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ScoreRange message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.ScoreRange & harrier.v1.ScoreRange.$Shape} ScoreRange
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.ScoreRange & harrier.v1.ScoreRange.$Shape;
        }

        namespace ScoreRange {

            /** Properties of a ScoreRange. */
            interface $Properties {

                /** ScoreRange min */
                min?: (number|null);

                /** ScoreRange max */
                max?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ScoreRange. */
            type $Shape = harrier.v1.ScoreRange.$Properties;
        }

        /**
         * Properties of an AmountRange.
         * @deprecated Use harrier.v1.AmountRange.$Properties instead.
         */
        interface IAmountRange extends harrier.v1.AmountRange.$Properties {
        }

        /** Represents an AmountRange. */
        class AmountRange {

            /**
             * Constructs a new AmountRange.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.AmountRange.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** AmountRange min_minor. */
            min_minor: (number|Long);

            /** AmountRange max_minor. */
            max_minor: (number|Long);

            /**
             * Encodes the specified AmountRange message. Does not implicitly {@link harrier.v1.AmountRange.verify|verify} messages.
             * @param message AmountRange message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.AmountRange.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an AmountRange message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.AmountRange & harrier.v1.AmountRange.$Shape} AmountRange
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.AmountRange & harrier.v1.AmountRange.$Shape;
        }

        namespace AmountRange {

            /** Properties of an AmountRange. */
            interface $Properties {

                /** AmountRange min_minor */
                min_minor?: (number|Long|null);

                /** AmountRange max_minor */
                max_minor?: (number|Long|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an AmountRange. */
            type $Shape = harrier.v1.AmountRange.$Properties;
        }

        /**
         * Properties of a FindKey.
         * @deprecated Use harrier.v1.FindKey.$Properties instead.
         */
        interface IFindKey extends harrier.v1.FindKey.$Properties {
        }

        /** Represents a FindKey. */
        class FindKey {

            /**
             * Constructs a new FindKey.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.FindKey.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** FindKey field. */
            field: string;

            /** FindKey value. */
            value: string;

            /**
             * Encodes the specified FindKey message. Does not implicitly {@link harrier.v1.FindKey.verify|verify} messages.
             * @param message FindKey message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.FindKey.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a FindKey message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.FindKey & harrier.v1.FindKey.$Shape} FindKey
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.FindKey & harrier.v1.FindKey.$Shape;
        }

        namespace FindKey {

            /** Properties of a FindKey. */
            interface $Properties {

                /** FindKey field */
                field?: (string|null);

                /** FindKey value */
                value?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a FindKey. */
            type $Shape = harrier.v1.FindKey.$Properties;
        }

        /**
         * Properties of a FindResponse.
         * @deprecated Use harrier.v1.FindResponse.$Properties instead.
         */
        interface IFindResponse extends harrier.v1.FindResponse.$Properties {
        }

        /** Represents a FindResponse. */
        class FindResponse {

            /**
             * Constructs a new FindResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.FindResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** FindResponse transactions. */
            transactions: harrier.v1.FoundTransaction.$Properties[];

            /** FindResponse cursor. */
            cursor: string;

            /** FindResponse incomplete. */
            incomplete: boolean;

            /**
             * Encodes the specified FindResponse message. Does not implicitly {@link harrier.v1.FindResponse.verify|verify} messages.
             * @param message FindResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.FindResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a FindResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.FindResponse & harrier.v1.FindResponse.$Shape} FindResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.FindResponse & harrier.v1.FindResponse.$Shape;
        }

        namespace FindResponse {

            /** Properties of a FindResponse. */
            interface $Properties {

                /** FindResponse transactions */
                transactions?: (harrier.v1.FoundTransaction.$Properties[]|null);

                /** FindResponse cursor */
                cursor?: (string|null);

                /** FindResponse incomplete */
                incomplete?: (boolean|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a FindResponse. */
            type $Shape = {
              transactions?: harrier.v1.FoundTransaction.$Shape[]|null;
              cursor?: string|null;
              incomplete?: boolean|null;
              $unknowns?: Uint8Array[];
            };
        }

        /**
         * Properties of a FoundTransaction.
         * @deprecated Use harrier.v1.FoundTransaction.$Properties instead.
         */
        interface IFoundTransaction extends harrier.v1.FoundTransaction.$Properties {
        }

        /** Represents a FoundTransaction. */
        class FoundTransaction {

            /**
             * Constructs a new FoundTransaction.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.FoundTransaction.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** FoundTransaction transaction. */
            transaction?: (harrier.v1.Transaction.$Properties|null);

            /** FoundTransaction decision. */
            decision?: (harrier.v1.Decision.$Properties|null);

            /** FoundTransaction receive_time_us. */
            receive_time_us: (number|Long);

            /** FoundTransaction label. */
            label: harrier.v1.Label;

            /** FoundTransaction outcome_receive_time_us. */
            outcome_receive_time_us: (number|Long);

            /** FoundTransaction outcome_known_time_us. */
            outcome_known_time_us: (number|Long);

            /** FoundTransaction amended. */
            amended?: (harrier.v1.AmendedTransaction.$Properties|null);

            /** FoundTransaction amended_time_us. */
            amended_time_us: (number|Long);

            /** FoundTransaction backfilled. */
            backfilled: boolean;

            /**
             * Encodes the specified FoundTransaction message. Does not implicitly {@link harrier.v1.FoundTransaction.verify|verify} messages.
             * @param message FoundTransaction message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.FoundTransaction.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a FoundTransaction message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.FoundTransaction & harrier.v1.FoundTransaction.$Shape} FoundTransaction
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.FoundTransaction & harrier.v1.FoundTransaction.$Shape;
        }

        namespace FoundTransaction {

            /** Properties of a FoundTransaction. */
            interface $Properties {

                /** FoundTransaction transaction */
                transaction?: (harrier.v1.Transaction.$Properties|null);

                /** FoundTransaction decision */
                decision?: (harrier.v1.Decision.$Properties|null);

                /** FoundTransaction receive_time_us */
                receive_time_us?: (number|Long|null);

                /** FoundTransaction label */
                label?: (harrier.v1.Label|null);

                /** FoundTransaction outcome_receive_time_us */
                outcome_receive_time_us?: (number|Long|null);

                /** FoundTransaction outcome_known_time_us */
                outcome_known_time_us?: (number|Long|null);

                /** FoundTransaction amended */
                amended?: (harrier.v1.AmendedTransaction.$Properties|null);

                /** FoundTransaction amended_time_us */
                amended_time_us?: (number|Long|null);

                /** FoundTransaction backfilled */
                backfilled?: (boolean|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a FoundTransaction. */
            type $Shape = {
              transaction?: harrier.v1.Transaction.$Shape|null;
              decision?: harrier.v1.Decision.$Shape|null;
              receive_time_us?: number|Long|null;
              label?: harrier.v1.Label|null;
              outcome_receive_time_us?: number|Long|null;
              outcome_known_time_us?: number|Long|null;
              amended?: harrier.v1.AmendedTransaction.$Shape|null;
              amended_time_us?: number|Long|null;
              backfilled?: boolean|null;
              $unknowns?: Uint8Array[];
            };
        }

        /**
         * Properties of an ExplainRequest.
         * @deprecated Use harrier.v1.ExplainRequest.$Properties instead.
         */
        interface IExplainRequest extends harrier.v1.ExplainRequest.$Properties {
        }

        /** Represents an ExplainRequest. */
        class ExplainRequest {

            /**
             * Constructs a new ExplainRequest.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.ExplainRequest.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ExplainRequest transaction_id. */
            transaction_id: string;

            /**
             * Encodes the specified ExplainRequest message. Does not implicitly {@link harrier.v1.ExplainRequest.verify|verify} messages.
             * @param message ExplainRequest message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.ExplainRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an ExplainRequest message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.ExplainRequest & harrier.v1.ExplainRequest.$Shape} ExplainRequest
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.ExplainRequest & harrier.v1.ExplainRequest.$Shape;
        }

        namespace ExplainRequest {

            /** Properties of an ExplainRequest. */
            interface $Properties {

                /** ExplainRequest transaction_id */
                transaction_id?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an ExplainRequest. */
            type $Shape = harrier.v1.ExplainRequest.$Properties;
        }

        /**
         * Properties of an ExplainResponse.
         * @deprecated Use harrier.v1.ExplainResponse.$Properties instead.
         */
        interface IExplainResponse extends harrier.v1.ExplainResponse.$Properties {
        }

        /** Represents an ExplainResponse. */
        class ExplainResponse {

            /**
             * Constructs a new ExplainResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.ExplainResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ExplainResponse transaction. */
            transaction?: (harrier.v1.Transaction.$Properties|null);

            /** ExplainResponse position. */
            position: (number|Long);

            /** ExplainResponse receive_time_us. */
            receive_time_us: (number|Long);

            /** ExplainResponse archived. */
            archived?: (harrier.v1.Decision.$Properties|null);

            /** ExplainResponse equal. */
            equal: boolean;

            /** ExplainResponse difference. */
            difference: string;

            /** ExplainResponse policy_position. */
            policy_position: (number|Long);

            /** ExplainResponse generation_id. */
            generation_id: (number|Long);

            /** ExplainResponse generation_position. */
            generation_position: (number|Long);

            /** ExplainResponse adopted_position. */
            adopted_position: (number|Long);

            /** ExplainResponse base_position. */
            base_position: (number|Long);

            /** ExplainResponse records_read. */
            records_read: (number|Long);

            /** ExplainResponse records_applied. */
            records_applied: (number|Long);

            /** ExplainResponse entities. */
            entities: harrier.v1.ExplainedEntity.$Properties[];

            /** ExplainResponse outcomes. */
            outcomes: harrier.v1.ExplainedOutcome.$Properties[];

            /** ExplainResponse notes. */
            notes: string[];

            /** ExplainResponse then. */
            then?: (harrier.v1.ExplainedPolicy.$Properties|null);

            /** ExplainResponse amendments. */
            amendments: harrier.v1.ExplainedAmendment.$Properties[];

            /** ExplainResponse experiment. */
            experiment: string;

            /**
             * Encodes the specified ExplainResponse message. Does not implicitly {@link harrier.v1.ExplainResponse.verify|verify} messages.
             * @param message ExplainResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.ExplainResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an ExplainResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.ExplainResponse & harrier.v1.ExplainResponse.$Shape} ExplainResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.ExplainResponse & harrier.v1.ExplainResponse.$Shape;
        }

        namespace ExplainResponse {

            /** Properties of an ExplainResponse. */
            interface $Properties {

                /** ExplainResponse transaction */
                transaction?: (harrier.v1.Transaction.$Properties|null);

                /** ExplainResponse position */
                position?: (number|Long|null);

                /** ExplainResponse receive_time_us */
                receive_time_us?: (number|Long|null);

                /** ExplainResponse archived */
                archived?: (harrier.v1.Decision.$Properties|null);

                /** ExplainResponse equal */
                equal?: (boolean|null);

                /** ExplainResponse difference */
                difference?: (string|null);

                /** ExplainResponse policy_position */
                policy_position?: (number|Long|null);

                /** ExplainResponse generation_id */
                generation_id?: (number|Long|null);

                /** ExplainResponse generation_position */
                generation_position?: (number|Long|null);

                /** ExplainResponse adopted_position */
                adopted_position?: (number|Long|null);

                /** ExplainResponse base_position */
                base_position?: (number|Long|null);

                /** ExplainResponse records_read */
                records_read?: (number|Long|null);

                /** ExplainResponse records_applied */
                records_applied?: (number|Long|null);

                /** ExplainResponse entities */
                entities?: (harrier.v1.ExplainedEntity.$Properties[]|null);

                /** ExplainResponse outcomes */
                outcomes?: (harrier.v1.ExplainedOutcome.$Properties[]|null);

                /** ExplainResponse notes */
                notes?: (string[]|null);

                /** ExplainResponse then */
                then?: (harrier.v1.ExplainedPolicy.$Properties|null);

                /** ExplainResponse amendments */
                amendments?: (harrier.v1.ExplainedAmendment.$Properties[]|null);

                /** ExplainResponse experiment */
                experiment?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an ExplainResponse. */
            type $Shape = {
              transaction?: harrier.v1.Transaction.$Shape|null;
              position?: number|Long|null;
              receive_time_us?: number|Long|null;
              archived?: harrier.v1.Decision.$Shape|null;
              equal?: boolean|null;
              difference?: string|null;
              policy_position?: number|Long|null;
              generation_id?: number|Long|null;
              generation_position?: number|Long|null;
              adopted_position?: number|Long|null;
              base_position?: number|Long|null;
              records_read?: number|Long|null;
              records_applied?: number|Long|null;
              entities?: harrier.v1.ExplainedEntity.$Shape[]|null;
              outcomes?: harrier.v1.ExplainedOutcome.$Shape[]|null;
              notes?: string[]|null;
              then?: harrier.v1.ExplainedPolicy.$Shape|null;
              amendments?: harrier.v1.ExplainedAmendment.$Shape[]|null;
              experiment?: string|null;
              $unknowns?: Uint8Array[];
            };
        }

        /**
         * Properties of an ExplainedEntity.
         * @deprecated Use harrier.v1.ExplainedEntity.$Properties instead.
         */
        interface IExplainedEntity extends harrier.v1.ExplainedEntity.$Properties {
        }

        /** Represents an ExplainedEntity. */
        class ExplainedEntity {

            /**
             * Constructs a new ExplainedEntity.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.ExplainedEntity.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ExplainedEntity name. */
            name: string;

            /** ExplainedEntity key. */
            key: string;

            /** ExplainedEntity entries. */
            entries: (number|Long);

            /** ExplainedEntity newest_time_us. */
            newest_time_us: (number|Long);

            /** ExplainedEntity applied. */
            applied: (number|Long);

            /** ExplainedEntity in_tables. */
            in_tables: boolean;

            /**
             * Encodes the specified ExplainedEntity message. Does not implicitly {@link harrier.v1.ExplainedEntity.verify|verify} messages.
             * @param message ExplainedEntity message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.ExplainedEntity.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an ExplainedEntity message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.ExplainedEntity & harrier.v1.ExplainedEntity.$Shape} ExplainedEntity
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.ExplainedEntity & harrier.v1.ExplainedEntity.$Shape;
        }

        namespace ExplainedEntity {

            /** Properties of an ExplainedEntity. */
            interface $Properties {

                /** ExplainedEntity name */
                name?: (string|null);

                /** ExplainedEntity key */
                key?: (string|null);

                /** ExplainedEntity entries */
                entries?: (number|Long|null);

                /** ExplainedEntity newest_time_us */
                newest_time_us?: (number|Long|null);

                /** ExplainedEntity applied */
                applied?: (number|Long|null);

                /** ExplainedEntity in_tables */
                in_tables?: (boolean|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an ExplainedEntity. */
            type $Shape = harrier.v1.ExplainedEntity.$Properties;
        }

        /**
         * Properties of an ExplainedOutcome.
         * @deprecated Use harrier.v1.ExplainedOutcome.$Properties instead.
         */
        interface IExplainedOutcome extends harrier.v1.ExplainedOutcome.$Properties {
        }

        /** Represents an ExplainedOutcome. */
        class ExplainedOutcome {

            /**
             * Constructs a new ExplainedOutcome.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.ExplainedOutcome.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ExplainedOutcome position. */
            position: (number|Long);

            /** ExplainedOutcome receive_time_us. */
            receive_time_us: (number|Long);

            /** ExplainedOutcome known_time_us. */
            known_time_us: (number|Long);

            /** ExplainedOutcome previous. */
            previous: harrier.v1.Label;

            /** ExplainedOutcome label. */
            label: harrier.v1.Label;

            /** ExplainedOutcome source. */
            source: string;

            /**
             * Encodes the specified ExplainedOutcome message. Does not implicitly {@link harrier.v1.ExplainedOutcome.verify|verify} messages.
             * @param message ExplainedOutcome message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.ExplainedOutcome.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an ExplainedOutcome message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.ExplainedOutcome & harrier.v1.ExplainedOutcome.$Shape} ExplainedOutcome
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.ExplainedOutcome & harrier.v1.ExplainedOutcome.$Shape;
        }

        namespace ExplainedOutcome {

            /** Properties of an ExplainedOutcome. */
            interface $Properties {

                /** ExplainedOutcome position */
                position?: (number|Long|null);

                /** ExplainedOutcome receive_time_us */
                receive_time_us?: (number|Long|null);

                /** ExplainedOutcome known_time_us */
                known_time_us?: (number|Long|null);

                /** ExplainedOutcome previous */
                previous?: (harrier.v1.Label|null);

                /** ExplainedOutcome label */
                label?: (harrier.v1.Label|null);

                /** ExplainedOutcome source */
                source?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an ExplainedOutcome. */
            type $Shape = harrier.v1.ExplainedOutcome.$Properties;
        }

        /**
         * Properties of an ExplainedAmendment.
         * @deprecated Use harrier.v1.ExplainedAmendment.$Properties instead.
         */
        interface IExplainedAmendment extends harrier.v1.ExplainedAmendment.$Properties {
        }

        /** Represents an ExplainedAmendment. */
        class ExplainedAmendment {

            /**
             * Constructs a new ExplainedAmendment.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.ExplainedAmendment.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ExplainedAmendment position. */
            position: (number|Long);

            /** ExplainedAmendment receive_time_us. */
            receive_time_us: (number|Long);

            /** ExplainedAmendment known_time_us. */
            known_time_us: (number|Long);

            /** ExplainedAmendment previous. */
            previous?: (harrier.v1.AmendedTransaction.$Properties|null);

            /** ExplainedAmendment now. */
            now?: (harrier.v1.AmendedTransaction.$Properties|null);

            /** ExplainedAmendment source. */
            source: string;

            /**
             * Encodes the specified ExplainedAmendment message. Does not implicitly {@link harrier.v1.ExplainedAmendment.verify|verify} messages.
             * @param message ExplainedAmendment message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.ExplainedAmendment.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an ExplainedAmendment message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.ExplainedAmendment & harrier.v1.ExplainedAmendment.$Shape} ExplainedAmendment
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.ExplainedAmendment & harrier.v1.ExplainedAmendment.$Shape;
        }

        namespace ExplainedAmendment {

            /** Properties of an ExplainedAmendment. */
            interface $Properties {

                /** ExplainedAmendment position */
                position?: (number|Long|null);

                /** ExplainedAmendment receive_time_us */
                receive_time_us?: (number|Long|null);

                /** ExplainedAmendment known_time_us */
                known_time_us?: (number|Long|null);

                /** ExplainedAmendment previous */
                previous?: (harrier.v1.AmendedTransaction.$Properties|null);

                /** ExplainedAmendment now */
                now?: (harrier.v1.AmendedTransaction.$Properties|null);

                /** ExplainedAmendment source */
                source?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an ExplainedAmendment. */
            type $Shape = harrier.v1.ExplainedAmendment.$Properties;
        }

        /**
         * Properties of an ExplainedPolicy.
         * @deprecated Use harrier.v1.ExplainedPolicy.$Properties instead.
         */
        interface IExplainedPolicy extends harrier.v1.ExplainedPolicy.$Properties {
        }

        /** Represents an ExplainedPolicy. */
        class ExplainedPolicy {

            /**
             * Constructs a new ExplainedPolicy.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.ExplainedPolicy.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ExplainedPolicy name. */
            name: string;

            /** ExplainedPolicy snapshot_id. */
            snapshot_id: (number|Long);

            /** ExplainedPolicy refusal. */
            refusal: string;

            /** ExplainedPolicy refused_field. */
            refused_field: string;

            /** ExplainedPolicy decision. */
            decision?: (harrier.v1.Decision.$Properties|null);

            /** ExplainedPolicy fields. */
            fields: harrier.v1.NamedValue.$Properties[];

            /** ExplainedPolicy computed. */
            computed: harrier.v1.ExplainedComputed.$Properties[];

            /** ExplainedPolicy rules. */
            rules: harrier.v1.ExplainedRule.$Properties[];

            /** ExplainedPolicy groups. */
            groups: harrier.v1.ExplainedGroup.$Properties[];

            /** ExplainedPolicy cutoffs. */
            cutoffs: harrier.v1.ExplainedCutoff.$Properties[];

            /** ExplainedPolicy shadows. */
            shadows: harrier.v1.ExplainedShadow.$Properties[];

            /** ExplainedPolicy warming_features. */
            warming_features: string[];

            /** ExplainedPolicy models. */
            models: harrier.v1.ExplainedModel.$Properties[];

            /**
             * Encodes the specified ExplainedPolicy message. Does not implicitly {@link harrier.v1.ExplainedPolicy.verify|verify} messages.
             * @param message ExplainedPolicy message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.ExplainedPolicy.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an ExplainedPolicy message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.ExplainedPolicy & harrier.v1.ExplainedPolicy.$Shape} ExplainedPolicy
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.ExplainedPolicy & harrier.v1.ExplainedPolicy.$Shape;
        }

        namespace ExplainedPolicy {

            /** Properties of an ExplainedPolicy. */
            interface $Properties {

                /** ExplainedPolicy name */
                name?: (string|null);

                /** ExplainedPolicy snapshot_id */
                snapshot_id?: (number|Long|null);

                /** ExplainedPolicy refusal */
                refusal?: (string|null);

                /** ExplainedPolicy refused_field */
                refused_field?: (string|null);

                /** ExplainedPolicy decision */
                decision?: (harrier.v1.Decision.$Properties|null);

                /** ExplainedPolicy fields */
                fields?: (harrier.v1.NamedValue.$Properties[]|null);

                /** ExplainedPolicy computed */
                computed?: (harrier.v1.ExplainedComputed.$Properties[]|null);

                /** ExplainedPolicy rules */
                rules?: (harrier.v1.ExplainedRule.$Properties[]|null);

                /** ExplainedPolicy groups */
                groups?: (harrier.v1.ExplainedGroup.$Properties[]|null);

                /** ExplainedPolicy cutoffs */
                cutoffs?: (harrier.v1.ExplainedCutoff.$Properties[]|null);

                /** ExplainedPolicy shadows */
                shadows?: (harrier.v1.ExplainedShadow.$Properties[]|null);

                /** ExplainedPolicy warming_features */
                warming_features?: (string[]|null);

                /** ExplainedPolicy models */
                models?: (harrier.v1.ExplainedModel.$Properties[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an ExplainedPolicy. */
            type $Shape = {
              name?: string|null;
              snapshot_id?: number|Long|null;
              refusal?: string|null;
              refused_field?: string|null;
              decision?: harrier.v1.Decision.$Shape|null;
              fields?: harrier.v1.NamedValue.$Shape[]|null;
              computed?: harrier.v1.ExplainedComputed.$Shape[]|null;
              rules?: harrier.v1.ExplainedRule.$Shape[]|null;
              groups?: harrier.v1.ExplainedGroup.$Shape[]|null;
              cutoffs?: harrier.v1.ExplainedCutoff.$Shape[]|null;
              shadows?: harrier.v1.ExplainedShadow.$Shape[]|null;
              warming_features?: string[]|null;
              models?: harrier.v1.ExplainedModel.$Shape[]|null;
              $unknowns?: Uint8Array[];
            };
        }

        /**
         * Properties of an ExplainedModel.
         * @deprecated Use harrier.v1.ExplainedModel.$Properties instead.
         */
        interface IExplainedModel extends harrier.v1.ExplainedModel.$Properties {
        }

        /** Represents an ExplainedModel. */
        class ExplainedModel {

            /**
             * Constructs a new ExplainedModel.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.ExplainedModel.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ExplainedModel name. */
            name: string;

            /** ExplainedModel inputs. */
            inputs: harrier.v1.NamedValue.$Properties[];

            /** ExplainedModel contributions. */
            contributions: number[];

            /** ExplainedModel bias. */
            bias: number;

            /** ExplainedModel margin. */
            margin: number;

            /**
             * Encodes the specified ExplainedModel message. Does not implicitly {@link harrier.v1.ExplainedModel.verify|verify} messages.
             * @param message ExplainedModel message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.ExplainedModel.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an ExplainedModel message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.ExplainedModel & harrier.v1.ExplainedModel.$Shape} ExplainedModel
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.ExplainedModel & harrier.v1.ExplainedModel.$Shape;
        }

        namespace ExplainedModel {

            /** Properties of an ExplainedModel. */
            interface $Properties {

                /** ExplainedModel name */
                name?: (string|null);

                /** ExplainedModel inputs */
                inputs?: (harrier.v1.NamedValue.$Properties[]|null);

                /** ExplainedModel contributions */
                contributions?: (number[]|null);

                /** ExplainedModel bias */
                bias?: (number|null);

                /** ExplainedModel margin */
                margin?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an ExplainedModel. */
            type $Shape = {
              name?: string|null;
              inputs?: harrier.v1.NamedValue.$Shape[]|null;
              contributions?: number[]|null;
              bias?: number|null;
              margin?: number|null;
              $unknowns?: Uint8Array[];
            };
        }

        /**
         * Properties of an ExplainedPart.
         * @deprecated Use harrier.v1.ExplainedPart.$Properties instead.
         */
        interface IExplainedPart extends harrier.v1.ExplainedPart.$Properties {
        }

        /** Represents an ExplainedPart. */
        class ExplainedPart {

            /**
             * Constructs a new ExplainedPart.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.ExplainedPart.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ExplainedPart text. */
            text: string;

            /** ExplainedPart depth. */
            depth: number;

            /** ExplainedPart kind. */
            kind: harrier.v1.ExplainedKind;

            /** ExplainedPart type. */
            type: string;

            /** ExplainedPart value. */
            value?: (harrier.v1.NamedValue.$Properties|null);

            /** ExplainedPart error. */
            error: string;

            /** ExplainedPart reached. */
            reached: boolean;

            /** ExplainedPart decides. */
            decides: boolean;

            /** ExplainedPart list. */
            list: string;

            /** ExplainedPart added. */
            added: boolean;

            /** ExplainedPart origin. */
            origin: harrier.v1.ThresholdOrigin;

            /**
             * Encodes the specified ExplainedPart message. Does not implicitly {@link harrier.v1.ExplainedPart.verify|verify} messages.
             * @param message ExplainedPart message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.ExplainedPart.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an ExplainedPart message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.ExplainedPart & harrier.v1.ExplainedPart.$Shape} ExplainedPart
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.ExplainedPart & harrier.v1.ExplainedPart.$Shape;
        }

        namespace ExplainedPart {

            /** Properties of an ExplainedPart. */
            interface $Properties {

                /** ExplainedPart text */
                text?: (string|null);

                /** ExplainedPart depth */
                depth?: (number|null);

                /** ExplainedPart kind */
                kind?: (harrier.v1.ExplainedKind|null);

                /** ExplainedPart type */
                type?: (string|null);

                /** ExplainedPart value */
                value?: (harrier.v1.NamedValue.$Properties|null);

                /** ExplainedPart error */
                error?: (string|null);

                /** ExplainedPart reached */
                reached?: (boolean|null);

                /** ExplainedPart decides */
                decides?: (boolean|null);

                /** ExplainedPart list */
                list?: (string|null);

                /** ExplainedPart added */
                added?: (boolean|null);

                /** ExplainedPart origin */
                origin?: (harrier.v1.ThresholdOrigin|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an ExplainedPart. */
            type $Shape = {
              text?: string|null;
              depth?: number|null;
              kind?: harrier.v1.ExplainedKind|null;
              type?: string|null;
              value?: harrier.v1.NamedValue.$Shape|null;
              error?: string|null;
              reached?: boolean|null;
              decides?: boolean|null;
              list?: string|null;
              added?: boolean|null;
              origin?: harrier.v1.ThresholdOrigin|null;
              $unknowns?: Uint8Array[];
            };
        }

        /** ExplainedKind enum. */
        enum ExplainedKind {

            /** EXPLAINED_KIND_OTHER value */
            EXPLAINED_KIND_OTHER = 0,

            /** EXPLAINED_KIND_NAME value */
            EXPLAINED_KIND_NAME = 1,

            /** EXPLAINED_KIND_HAS value */
            EXPLAINED_KIND_HAS = 2,

            /** EXPLAINED_KIND_LIST value */
            EXPLAINED_KIND_LIST = 3,

            /** EXPLAINED_KIND_THRESHOLD value */
            EXPLAINED_KIND_THRESHOLD = 4,

            /** EXPLAINED_KIND_COMPARISON value */
            EXPLAINED_KIND_COMPARISON = 5,

            /** EXPLAINED_KIND_AND value */
            EXPLAINED_KIND_AND = 6,

            /** EXPLAINED_KIND_OR value */
            EXPLAINED_KIND_OR = 7,

            /** EXPLAINED_KIND_NOT value */
            EXPLAINED_KIND_NOT = 8,

            /** EXPLAINED_KIND_CONDITIONAL value */
            EXPLAINED_KIND_CONDITIONAL = 9,

            /** EXPLAINED_KIND_MACRO value */
            EXPLAINED_KIND_MACRO = 10,

            /** EXPLAINED_KIND_EACH value */
            EXPLAINED_KIND_EACH = 11
        }

        /** ThresholdOrigin enum. */
        enum ThresholdOrigin {

            /** THRESHOLD_ORIGIN_NONE value */
            THRESHOLD_ORIGIN_NONE = 0,

            /** THRESHOLD_ORIGIN_FALLBACK value */
            THRESHOLD_ORIGIN_FALLBACK = 1,

            /** THRESHOLD_ORIGIN_OVERALL value */
            THRESHOLD_ORIGIN_OVERALL = 2,

            /** THRESHOLD_ORIGIN_GROUP value */
            THRESHOLD_ORIGIN_GROUP = 3
        }

        /**
         * Properties of an ExplainedComputed.
         * @deprecated Use harrier.v1.ExplainedComputed.$Properties instead.
         */
        interface IExplainedComputed extends harrier.v1.ExplainedComputed.$Properties {
        }

        /** Represents an ExplainedComputed. */
        class ExplainedComputed {

            /**
             * Constructs a new ExplainedComputed.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.ExplainedComputed.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ExplainedComputed name. */
            name: string;

            /** ExplainedComputed parts. */
            parts: harrier.v1.ExplainedPart.$Properties[];

            /**
             * Encodes the specified ExplainedComputed message. Does not implicitly {@link harrier.v1.ExplainedComputed.verify|verify} messages.
             * @param message ExplainedComputed message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.ExplainedComputed.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an ExplainedComputed message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.ExplainedComputed & harrier.v1.ExplainedComputed.$Shape} ExplainedComputed
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.ExplainedComputed & harrier.v1.ExplainedComputed.$Shape;
        }

        namespace ExplainedComputed {

            /** Properties of an ExplainedComputed. */
            interface $Properties {

                /** ExplainedComputed name */
                name?: (string|null);

                /** ExplainedComputed parts */
                parts?: (harrier.v1.ExplainedPart.$Properties[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an ExplainedComputed. */
            type $Shape = {
              name?: string|null;
              parts?: harrier.v1.ExplainedPart.$Shape[]|null;
              $unknowns?: Uint8Array[];
            };
        }

        /**
         * Properties of an ExplainedRule.
         * @deprecated Use harrier.v1.ExplainedRule.$Properties instead.
         */
        interface IExplainedRule extends harrier.v1.ExplainedRule.$Properties {
        }

        /** Represents an ExplainedRule. */
        class ExplainedRule {

            /**
             * Constructs a new ExplainedRule.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.ExplainedRule.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ExplainedRule name. */
            name: string;

            /** ExplainedRule about. */
            about: string;

            /** ExplainedRule file. */
            file: string;

            /** ExplainedRule line. */
            line: number;

            /** ExplainedRule mode. */
            mode: harrier.v1.RuleMode;

            /** ExplainedRule fate. */
            fate: harrier.v1.RuleFate;

            /** ExplainedRule verdict. */
            verdict: harrier.v1.Verdict;

            /** ExplainedRule verdict_on_error. */
            verdict_on_error: harrier.v1.Verdict;

            /** ExplainedRule score. */
            score: number;

            /** ExplainedRule group. */
            group: string;

            /** ExplainedRule reason. */
            reason: string;

            /** ExplainedRule capped. */
            capped: number;

            /** ExplainedRule verdict_if_live. */
            verdict_if_live: harrier.v1.Verdict;

            /** ExplainedRule from_us. */
            from_us: (number|Long);

            /** ExplainedRule until_us. */
            until_us: (number|Long);

            /** ExplainedRule rollout. */
            rollout: number;

            /** ExplainedRule rollout_key. */
            rollout_key: string;

            /** ExplainedRule parts. */
            parts: harrier.v1.ExplainedPart.$Properties[];

            /** ExplainedRule braked. */
            braked: boolean;

            /**
             * Encodes the specified ExplainedRule message. Does not implicitly {@link harrier.v1.ExplainedRule.verify|verify} messages.
             * @param message ExplainedRule message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.ExplainedRule.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an ExplainedRule message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.ExplainedRule & harrier.v1.ExplainedRule.$Shape} ExplainedRule
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.ExplainedRule & harrier.v1.ExplainedRule.$Shape;
        }

        namespace ExplainedRule {

            /** Properties of an ExplainedRule. */
            interface $Properties {

                /** ExplainedRule name */
                name?: (string|null);

                /** ExplainedRule about */
                about?: (string|null);

                /** ExplainedRule file */
                file?: (string|null);

                /** ExplainedRule line */
                line?: (number|null);

                /** ExplainedRule mode */
                mode?: (harrier.v1.RuleMode|null);

                /** ExplainedRule fate */
                fate?: (harrier.v1.RuleFate|null);

                /** ExplainedRule verdict */
                verdict?: (harrier.v1.Verdict|null);

                /** ExplainedRule verdict_on_error */
                verdict_on_error?: (harrier.v1.Verdict|null);

                /** ExplainedRule score */
                score?: (number|null);

                /** ExplainedRule group */
                group?: (string|null);

                /** ExplainedRule reason */
                reason?: (string|null);

                /** ExplainedRule capped */
                capped?: (number|null);

                /** ExplainedRule verdict_if_live */
                verdict_if_live?: (harrier.v1.Verdict|null);

                /** ExplainedRule from_us */
                from_us?: (number|Long|null);

                /** ExplainedRule until_us */
                until_us?: (number|Long|null);

                /** ExplainedRule rollout */
                rollout?: (number|null);

                /** ExplainedRule rollout_key */
                rollout_key?: (string|null);

                /** ExplainedRule parts */
                parts?: (harrier.v1.ExplainedPart.$Properties[]|null);

                /** ExplainedRule braked */
                braked?: (boolean|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an ExplainedRule. */
            type $Shape = {
              name?: string|null;
              about?: string|null;
              file?: string|null;
              line?: number|null;
              mode?: harrier.v1.RuleMode|null;
              fate?: harrier.v1.RuleFate|null;
              verdict?: harrier.v1.Verdict|null;
              verdict_on_error?: harrier.v1.Verdict|null;
              score?: number|null;
              group?: string|null;
              reason?: string|null;
              capped?: number|null;
              verdict_if_live?: harrier.v1.Verdict|null;
              from_us?: number|Long|null;
              until_us?: number|Long|null;
              rollout?: number|null;
              rollout_key?: string|null;
              parts?: harrier.v1.ExplainedPart.$Shape[]|null;
              braked?: boolean|null;
              $unknowns?: Uint8Array[];
            };
        }

        /** RuleMode enum. */
        enum RuleMode {

            /** RULE_MODE_LIVE value */
            RULE_MODE_LIVE = 0,

            /** RULE_MODE_SHADOW value */
            RULE_MODE_SHADOW = 1,

            /** RULE_MODE_OFF value */
            RULE_MODE_OFF = 2
        }

        /** RuleFate enum. */
        enum RuleFate {

            /** RULE_FATE_FALSE value */
            RULE_FATE_FALSE = 0,

            /** RULE_FATE_ABSENT value */
            RULE_FATE_ABSENT = 1,

            /** RULE_FATE_ERROR value */
            RULE_FATE_ERROR = 2,

            /** RULE_FATE_FIRED value */
            RULE_FATE_FIRED = 3,

            /** RULE_FATE_SHADOW value */
            RULE_FATE_SHADOW = 4,

            /** RULE_FATE_SUPPRESSED value */
            RULE_FATE_SUPPRESSED = 5,

            /** RULE_FATE_OFF value */
            RULE_FATE_OFF = 6,

            /** RULE_FATE_EARLY value */
            RULE_FATE_EARLY = 7,

            /** RULE_FATE_OVER value */
            RULE_FATE_OVER = 8,

            /** RULE_FATE_LEFT_OUT value */
            RULE_FATE_LEFT_OUT = 9
        }

        /**
         * Properties of an ExplainedGroup.
         * @deprecated Use harrier.v1.ExplainedGroup.$Properties instead.
         */
        interface IExplainedGroup extends harrier.v1.ExplainedGroup.$Properties {
        }

        /** Represents an ExplainedGroup. */
        class ExplainedGroup {

            /**
             * Constructs a new ExplainedGroup.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.ExplainedGroup.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ExplainedGroup name. */
            name: string;

            /** ExplainedGroup about. */
            about: string;

            /** ExplainedGroup greatest. */
            greatest: boolean;

            /** ExplainedGroup limited. */
            limited: boolean;

            /** ExplainedGroup at_most. */
            at_most: number;

            /** ExplainedGroup asked. */
            asked: (number|Long);

            /** ExplainedGroup counted. */
            counted: (number|Long);

            /**
             * Encodes the specified ExplainedGroup message. Does not implicitly {@link harrier.v1.ExplainedGroup.verify|verify} messages.
             * @param message ExplainedGroup message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.ExplainedGroup.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an ExplainedGroup message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.ExplainedGroup & harrier.v1.ExplainedGroup.$Shape} ExplainedGroup
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.ExplainedGroup & harrier.v1.ExplainedGroup.$Shape;
        }

        namespace ExplainedGroup {

            /** Properties of an ExplainedGroup. */
            interface $Properties {

                /** ExplainedGroup name */
                name?: (string|null);

                /** ExplainedGroup about */
                about?: (string|null);

                /** ExplainedGroup greatest */
                greatest?: (boolean|null);

                /** ExplainedGroup limited */
                limited?: (boolean|null);

                /** ExplainedGroup at_most */
                at_most?: (number|null);

                /** ExplainedGroup asked */
                asked?: (number|Long|null);

                /** ExplainedGroup counted */
                counted?: (number|Long|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an ExplainedGroup. */
            type $Shape = harrier.v1.ExplainedGroup.$Properties;
        }

        /**
         * Properties of an ExplainedCutoff.
         * @deprecated Use harrier.v1.ExplainedCutoff.$Properties instead.
         */
        interface IExplainedCutoff extends harrier.v1.ExplainedCutoff.$Properties {
        }

        /** Represents an ExplainedCutoff. */
        class ExplainedCutoff {

            /**
             * Constructs a new ExplainedCutoff.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.ExplainedCutoff.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ExplainedCutoff verdict. */
            verdict: harrier.v1.Verdict;

            /** ExplainedCutoff score. */
            score: number;

            /** ExplainedCutoff computed. */
            computed: boolean;

            /**
             * Encodes the specified ExplainedCutoff message. Does not implicitly {@link harrier.v1.ExplainedCutoff.verify|verify} messages.
             * @param message ExplainedCutoff message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.ExplainedCutoff.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an ExplainedCutoff message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.ExplainedCutoff & harrier.v1.ExplainedCutoff.$Shape} ExplainedCutoff
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.ExplainedCutoff & harrier.v1.ExplainedCutoff.$Shape;
        }

        namespace ExplainedCutoff {

            /** Properties of an ExplainedCutoff. */
            interface $Properties {

                /** ExplainedCutoff verdict */
                verdict?: (harrier.v1.Verdict|null);

                /** ExplainedCutoff score */
                score?: (number|null);

                /** ExplainedCutoff computed */
                computed?: (boolean|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an ExplainedCutoff. */
            type $Shape = harrier.v1.ExplainedCutoff.$Properties;
        }

        /**
         * Properties of an ExplainedShadow.
         * @deprecated Use harrier.v1.ExplainedShadow.$Properties instead.
         */
        interface IExplainedShadow extends harrier.v1.ExplainedShadow.$Properties {
        }

        /** Represents an ExplainedShadow. */
        class ExplainedShadow {

            /**
             * Constructs a new ExplainedShadow.
             * @param [properties] Properties to set
             */
            constructor(properties?: harrier.v1.ExplainedShadow.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ExplainedShadow name. */
            name: string;

            /** ExplainedShadow snapshot_id. */
            snapshot_id: (number|Long);

            /** ExplainedShadow verdict. */
            verdict: harrier.v1.Verdict;

            /** ExplainedShadow score. */
            score: number;

            /** ExplainedShadow rules. */
            rules: string[];

            /** ExplainedShadow rule_errors. */
            rule_errors: number;

            /** ExplainedShadow degraded. */
            degraded: boolean;

            /** ExplainedShadow arm. */
            arm: harrier.v1.Arm;

            /**
             * Encodes the specified ExplainedShadow message. Does not implicitly {@link harrier.v1.ExplainedShadow.verify|verify} messages.
             * @param message ExplainedShadow message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: harrier.v1.ExplainedShadow.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an ExplainedShadow message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {harrier.v1.ExplainedShadow & harrier.v1.ExplainedShadow.$Shape} ExplainedShadow
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): harrier.v1.ExplainedShadow & harrier.v1.ExplainedShadow.$Shape;
        }

        namespace ExplainedShadow {

            /** Properties of an ExplainedShadow. */
            interface $Properties {

                /** ExplainedShadow name */
                name?: (string|null);

                /** ExplainedShadow snapshot_id */
                snapshot_id?: (number|Long|null);

                /** ExplainedShadow verdict */
                verdict?: (harrier.v1.Verdict|null);

                /** ExplainedShadow score */
                score?: (number|null);

                /** ExplainedShadow rules */
                rules?: (string[]|null);

                /** ExplainedShadow rule_errors */
                rule_errors?: (number|null);

                /** ExplainedShadow degraded */
                degraded?: (boolean|null);

                /** ExplainedShadow arm */
                arm?: (harrier.v1.Arm|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an ExplainedShadow. */
            type $Shape = harrier.v1.ExplainedShadow.$Properties;
        }
    }
}
