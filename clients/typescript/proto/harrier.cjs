// SOURCE_SHA256 = "43a5bf5a2ba9969150b53defc429112485e5b76e4300b8902758af69626a1604"
/*eslint-disable block-scoped-var, id-length, no-control-regex, no-magic-numbers, no-mixed-operators, no-prototype-builtins, no-redeclare, no-shadow, no-var, sort-vars, default-case, jsdoc/require-param*/
"use strict";

var $protobuf = require("protobufjs/minimal");

var $Reader = $protobuf.Reader, $Writer = $protobuf.Writer, $util = $protobuf.util;
var $Object = $util.global.Object, $undefined = $util.global.undefined, $Error = $util.global.Error, $RangeError = $util.global.RangeError;

var $root = {};

$root.harrier = (function() {

    var harrier = {};

    harrier.v1 = (function() {

        var v1 = {};

        v1.Request = (function() {

            var Request = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Request.prototype.protocol = 0;
            Request.prototype.deadline_us = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            Request.prototype.token = "";
            Request.prototype.traceparent = "";
            Request.prototype.score = null;
            Request.prototype.report_outcome = null;
            Request.prototype.get_entity = null;
            Request.prototype.status = null;
            Request.prototype.change_list = null;
            Request.prototype.get_list = null;
            Request.prototype.reload = null;
            Request.prototype.explain = null;
            Request.prototype.amend = null;
            Request.prototype.change_brake = null;
            Request.prototype.find = null;
            Request.prototype.backfill = null;

            var $oneOfFields;

            $Object.defineProperty(Request.prototype, "call", {
                get: $util.oneOfGetter($oneOfFields = ["score", "report_outcome", "get_entity", "status", "change_list", "get_list", "reload", "explain", "amend", "change_brake", "find", "backfill"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            Request.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.protocol != null && $Object.hasOwnProperty.call(message, "protocol") && message.protocol !== 0)
                    writer.uint32(8).uint32(message.protocol);
                if (message.deadline_us != null && $Object.hasOwnProperty.call(message, "deadline_us") && (typeof message.deadline_us === "object" ? message.deadline_us.low || message.deadline_us.high : message.deadline_us !== 0))
                    writer.uint32(16).uint64(message.deadline_us);
                if (message.token != null && $Object.hasOwnProperty.call(message, "token") && message.token !== "")
                    writer.uint32(26).string(message.token);
                if (message.traceparent != null && $Object.hasOwnProperty.call(message, "traceparent") && message.traceparent !== "")
                    writer.uint32(34).string(message.traceparent);
                if (message.score != null && $Object.hasOwnProperty.call(message, "score"))
                    $root.harrier.v1.ScoreRequest.encode(message.score, writer.uint32(82).fork(), _depth + 1).ldelim();
                if (message.report_outcome != null && $Object.hasOwnProperty.call(message, "report_outcome"))
                    $root.harrier.v1.ReportOutcomeRequest.encode(message.report_outcome, writer.uint32(90).fork(), _depth + 1).ldelim();
                if (message.get_entity != null && $Object.hasOwnProperty.call(message, "get_entity"))
                    $root.harrier.v1.GetEntityRequest.encode(message.get_entity, writer.uint32(98).fork(), _depth + 1).ldelim();
                if (message.status != null && $Object.hasOwnProperty.call(message, "status"))
                    $root.harrier.v1.StatusRequest.encode(message.status, writer.uint32(106).fork(), _depth + 1).ldelim();
                if (message.change_list != null && $Object.hasOwnProperty.call(message, "change_list"))
                    $root.harrier.v1.ChangeListRequest.encode(message.change_list, writer.uint32(114).fork(), _depth + 1).ldelim();
                if (message.get_list != null && $Object.hasOwnProperty.call(message, "get_list"))
                    $root.harrier.v1.GetListRequest.encode(message.get_list, writer.uint32(122).fork(), _depth + 1).ldelim();
                if (message.reload != null && $Object.hasOwnProperty.call(message, "reload"))
                    $root.harrier.v1.ReloadRequest.encode(message.reload, writer.uint32(130).fork(), _depth + 1).ldelim();
                if (message.explain != null && $Object.hasOwnProperty.call(message, "explain"))
                    $root.harrier.v1.ExplainRequest.encode(message.explain, writer.uint32(138).fork(), _depth + 1).ldelim();
                if (message.amend != null && $Object.hasOwnProperty.call(message, "amend"))
                    $root.harrier.v1.AmendRequest.encode(message.amend, writer.uint32(146).fork(), _depth + 1).ldelim();
                if (message.change_brake != null && $Object.hasOwnProperty.call(message, "change_brake"))
                    $root.harrier.v1.ChangeBrakeRequest.encode(message.change_brake, writer.uint32(154).fork(), _depth + 1).ldelim();
                if (message.find != null && $Object.hasOwnProperty.call(message, "find"))
                    $root.harrier.v1.FindRequest.encode(message.find, writer.uint32(178).fork(), _depth + 1).ldelim();
                if (message.backfill != null && $Object.hasOwnProperty.call(message, "backfill"))
                    $root.harrier.v1.BackfillRequest.encode(message.backfill, writer.uint32(194).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Request.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.Request();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.protocol = value;
                            else
                                delete message.protocol;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.deadline_us = value;
                            else
                                delete message.deadline_us;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.token = value;
                            else
                                delete message.token;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.traceparent = value;
                            else
                                delete message.traceparent;
                            continue;
                        }
                    case 10: {
                            if (wireType !== 2)
                                break;
                            message.score = $root.harrier.v1.ScoreRequest.decode(reader, reader.size(), $undefined, _depth + 1, message.score);
                            message.call = "score";
                            continue;
                        }
                    case 11: {
                            if (wireType !== 2)
                                break;
                            message.report_outcome = $root.harrier.v1.ReportOutcomeRequest.decode(reader, reader.size(), $undefined, _depth + 1, message.report_outcome);
                            message.call = "report_outcome";
                            continue;
                        }
                    case 12: {
                            if (wireType !== 2)
                                break;
                            message.get_entity = $root.harrier.v1.GetEntityRequest.decode(reader, reader.size(), $undefined, _depth + 1, message.get_entity);
                            message.call = "get_entity";
                            continue;
                        }
                    case 13: {
                            if (wireType !== 2)
                                break;
                            message.status = $root.harrier.v1.StatusRequest.decode(reader, reader.size(), $undefined, _depth + 1, message.status);
                            message.call = "status";
                            continue;
                        }
                    case 14: {
                            if (wireType !== 2)
                                break;
                            message.change_list = $root.harrier.v1.ChangeListRequest.decode(reader, reader.size(), $undefined, _depth + 1, message.change_list);
                            message.call = "change_list";
                            continue;
                        }
                    case 15: {
                            if (wireType !== 2)
                                break;
                            message.get_list = $root.harrier.v1.GetListRequest.decode(reader, reader.size(), $undefined, _depth + 1, message.get_list);
                            message.call = "get_list";
                            continue;
                        }
                    case 16: {
                            if (wireType !== 2)
                                break;
                            message.reload = $root.harrier.v1.ReloadRequest.decode(reader, reader.size(), $undefined, _depth + 1, message.reload);
                            message.call = "reload";
                            continue;
                        }
                    case 17: {
                            if (wireType !== 2)
                                break;
                            message.explain = $root.harrier.v1.ExplainRequest.decode(reader, reader.size(), $undefined, _depth + 1, message.explain);
                            message.call = "explain";
                            continue;
                        }
                    case 18: {
                            if (wireType !== 2)
                                break;
                            message.amend = $root.harrier.v1.AmendRequest.decode(reader, reader.size(), $undefined, _depth + 1, message.amend);
                            message.call = "amend";
                            continue;
                        }
                    case 19: {
                            if (wireType !== 2)
                                break;
                            message.change_brake = $root.harrier.v1.ChangeBrakeRequest.decode(reader, reader.size(), $undefined, _depth + 1, message.change_brake);
                            message.call = "change_brake";
                            continue;
                        }
                    case 22: {
                            if (wireType !== 2)
                                break;
                            message.find = $root.harrier.v1.FindRequest.decode(reader, reader.size(), $undefined, _depth + 1, message.find);
                            message.call = "find";
                            continue;
                        }
                    case 24: {
                            if (wireType !== 2)
                                break;
                            message.backfill = $root.harrier.v1.BackfillRequest.decode(reader, reader.size(), $undefined, _depth + 1, message.backfill);
                            message.call = "backfill";
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Request;
        })();

        v1.Response = (function() {

            var Response = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Response.prototype.error = null;
            Response.prototype.score = null;
            Response.prototype.report_outcome = null;
            Response.prototype.get_entity = null;
            Response.prototype.status = null;
            Response.prototype.change_list = null;
            Response.prototype.get_list = null;
            Response.prototype.reload = null;
            Response.prototype.explain = null;
            Response.prototype.amend = null;
            Response.prototype.change_brake = null;
            Response.prototype.find = null;
            Response.prototype.backfill = null;

            var $oneOfFields;

            $Object.defineProperty(Response.prototype, "answer", {
                get: $util.oneOfGetter($oneOfFields = ["score", "report_outcome", "get_entity", "status", "change_list", "get_list", "reload", "explain", "amend", "change_brake", "find", "backfill"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            Response.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.error != null && $Object.hasOwnProperty.call(message, "error"))
                    $root.harrier.v1.Error.encode(message.error, writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.score != null && $Object.hasOwnProperty.call(message, "score"))
                    $root.harrier.v1.ScoreResponse.encode(message.score, writer.uint32(82).fork(), _depth + 1).ldelim();
                if (message.report_outcome != null && $Object.hasOwnProperty.call(message, "report_outcome"))
                    $root.harrier.v1.ReportOutcomeResponse.encode(message.report_outcome, writer.uint32(90).fork(), _depth + 1).ldelim();
                if (message.get_entity != null && $Object.hasOwnProperty.call(message, "get_entity"))
                    $root.harrier.v1.GetEntityResponse.encode(message.get_entity, writer.uint32(98).fork(), _depth + 1).ldelim();
                if (message.status != null && $Object.hasOwnProperty.call(message, "status"))
                    $root.harrier.v1.StatusResponse.encode(message.status, writer.uint32(106).fork(), _depth + 1).ldelim();
                if (message.change_list != null && $Object.hasOwnProperty.call(message, "change_list"))
                    $root.harrier.v1.ChangeListResponse.encode(message.change_list, writer.uint32(114).fork(), _depth + 1).ldelim();
                if (message.get_list != null && $Object.hasOwnProperty.call(message, "get_list"))
                    $root.harrier.v1.GetListResponse.encode(message.get_list, writer.uint32(122).fork(), _depth + 1).ldelim();
                if (message.reload != null && $Object.hasOwnProperty.call(message, "reload"))
                    $root.harrier.v1.ReloadResponse.encode(message.reload, writer.uint32(130).fork(), _depth + 1).ldelim();
                if (message.explain != null && $Object.hasOwnProperty.call(message, "explain"))
                    $root.harrier.v1.ExplainResponse.encode(message.explain, writer.uint32(138).fork(), _depth + 1).ldelim();
                if (message.amend != null && $Object.hasOwnProperty.call(message, "amend"))
                    $root.harrier.v1.AmendResponse.encode(message.amend, writer.uint32(146).fork(), _depth + 1).ldelim();
                if (message.change_brake != null && $Object.hasOwnProperty.call(message, "change_brake"))
                    $root.harrier.v1.ChangeBrakeResponse.encode(message.change_brake, writer.uint32(154).fork(), _depth + 1).ldelim();
                if (message.find != null && $Object.hasOwnProperty.call(message, "find"))
                    $root.harrier.v1.FindResponse.encode(message.find, writer.uint32(178).fork(), _depth + 1).ldelim();
                if (message.backfill != null && $Object.hasOwnProperty.call(message, "backfill"))
                    $root.harrier.v1.BackfillResponse.encode(message.backfill, writer.uint32(194).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Response.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.Response();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            message.error = $root.harrier.v1.Error.decode(reader, reader.size(), $undefined, _depth + 1, message.error);
                            continue;
                        }
                    case 10: {
                            if (wireType !== 2)
                                break;
                            message.score = $root.harrier.v1.ScoreResponse.decode(reader, reader.size(), $undefined, _depth + 1, message.score);
                            message.answer = "score";
                            continue;
                        }
                    case 11: {
                            if (wireType !== 2)
                                break;
                            message.report_outcome = $root.harrier.v1.ReportOutcomeResponse.decode(reader, reader.size(), $undefined, _depth + 1, message.report_outcome);
                            message.answer = "report_outcome";
                            continue;
                        }
                    case 12: {
                            if (wireType !== 2)
                                break;
                            message.get_entity = $root.harrier.v1.GetEntityResponse.decode(reader, reader.size(), $undefined, _depth + 1, message.get_entity);
                            message.answer = "get_entity";
                            continue;
                        }
                    case 13: {
                            if (wireType !== 2)
                                break;
                            message.status = $root.harrier.v1.StatusResponse.decode(reader, reader.size(), $undefined, _depth + 1, message.status);
                            message.answer = "status";
                            continue;
                        }
                    case 14: {
                            if (wireType !== 2)
                                break;
                            message.change_list = $root.harrier.v1.ChangeListResponse.decode(reader, reader.size(), $undefined, _depth + 1, message.change_list);
                            message.answer = "change_list";
                            continue;
                        }
                    case 15: {
                            if (wireType !== 2)
                                break;
                            message.get_list = $root.harrier.v1.GetListResponse.decode(reader, reader.size(), $undefined, _depth + 1, message.get_list);
                            message.answer = "get_list";
                            continue;
                        }
                    case 16: {
                            if (wireType !== 2)
                                break;
                            message.reload = $root.harrier.v1.ReloadResponse.decode(reader, reader.size(), $undefined, _depth + 1, message.reload);
                            message.answer = "reload";
                            continue;
                        }
                    case 17: {
                            if (wireType !== 2)
                                break;
                            message.explain = $root.harrier.v1.ExplainResponse.decode(reader, reader.size(), $undefined, _depth + 1, message.explain);
                            message.answer = "explain";
                            continue;
                        }
                    case 18: {
                            if (wireType !== 2)
                                break;
                            message.amend = $root.harrier.v1.AmendResponse.decode(reader, reader.size(), $undefined, _depth + 1, message.amend);
                            message.answer = "amend";
                            continue;
                        }
                    case 19: {
                            if (wireType !== 2)
                                break;
                            message.change_brake = $root.harrier.v1.ChangeBrakeResponse.decode(reader, reader.size(), $undefined, _depth + 1, message.change_brake);
                            message.answer = "change_brake";
                            continue;
                        }
                    case 22: {
                            if (wireType !== 2)
                                break;
                            message.find = $root.harrier.v1.FindResponse.decode(reader, reader.size(), $undefined, _depth + 1, message.find);
                            message.answer = "find";
                            continue;
                        }
                    case 24: {
                            if (wireType !== 2)
                                break;
                            message.backfill = $root.harrier.v1.BackfillResponse.decode(reader, reader.size(), $undefined, _depth + 1, message.backfill);
                            message.answer = "backfill";
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Response;
        })();

        v1.ErrorCode = (function() {
            var valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "ERROR_UNSPECIFIED"] = 0;
            values[valuesById[1] = "ERROR_INVALID"] = 1;
            values[valuesById[2] = "ERROR_UNSUPPORTED"] = 2;
            values[valuesById[3] = "ERROR_NOT_FOUND"] = 3;
            values[valuesById[4] = "ERROR_ID_CONFLICT"] = 4;
            values[valuesById[5] = "ERROR_TOO_LARGE"] = 5;
            values[valuesById[6] = "ERROR_DEADLINE"] = 6;
            values[valuesById[7] = "ERROR_UNAVAILABLE"] = 7;
            values[valuesById[8] = "ERROR_INTERNAL"] = 8;
            values[valuesById[9] = "ERROR_DENIED"] = 9;
            values[valuesById[10] = "ERROR_NOT_PRIMARY"] = 10;
            values[valuesById[11] = "ERROR_OVERLOADED"] = 11;
            return values;
        })();

        v1.Error = (function() {

            var Error = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Error.prototype.code = 0;
            Error.prototype.field = "";
            Error.prototype.message = "";
            Error.prototype.primary = "";
            Error.prototype.fallback = 0;

            Error.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.code != null && $Object.hasOwnProperty.call(message, "code") && message.code !== 0)
                    writer.uint32(8).int32(message.code);
                if (message.field != null && $Object.hasOwnProperty.call(message, "field") && message.field !== "")
                    writer.uint32(18).string(message.field);
                if (message.message != null && $Object.hasOwnProperty.call(message, "message") && message.message !== "")
                    writer.uint32(26).string(message.message);
                if (message.primary != null && $Object.hasOwnProperty.call(message, "primary") && message.primary !== "")
                    writer.uint32(34).string(message.primary);
                if (message.fallback != null && $Object.hasOwnProperty.call(message, "fallback") && message.fallback !== 0)
                    writer.uint32(40).int32(message.fallback);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Error.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.Error();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.code = value;
                            else
                                delete message.code;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.field = value;
                            else
                                delete message.field;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.message = value;
                            else
                                delete message.message;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.primary = value;
                            else
                                delete message.primary;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.fallback = value;
                            else
                                delete message.fallback;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Error;
        })();

        v1.ScoreRequest = (function() {

            var ScoreRequest = function (properties) {
                this.transactions = [];
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ScoreRequest.prototype.transactions = $util.emptyArray;
            ScoreRequest.prototype.dry_run = false;
            ScoreRequest.prototype.return_features = false;

            ScoreRequest.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.transactions != null && message.transactions.length)
                    for (var i = 0; i < message.transactions.length; ++i)
                        $root.harrier.v1.Transaction.encode(message.transactions[i], writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.dry_run != null && $Object.hasOwnProperty.call(message, "dry_run") && message.dry_run !== false)
                    writer.uint32(16).bool(message.dry_run);
                if (message.return_features != null && $Object.hasOwnProperty.call(message, "return_features") && message.return_features !== false)
                    writer.uint32(24).bool(message.return_features);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ScoreRequest.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.ScoreRequest();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if (!(message.transactions && message.transactions.length))
                                message.transactions = [];
                            message.transactions.push($root.harrier.v1.Transaction.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.dry_run = value;
                            else
                                delete message.dry_run;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.return_features = value;
                            else
                                delete message.return_features;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ScoreRequest;
        })();

        v1.ScoreResponse = (function() {

            var ScoreResponse = function (properties) {
                this.results = [];
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ScoreResponse.prototype.results = $util.emptyArray;

            ScoreResponse.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.results != null && message.results.length)
                    for (var i = 0; i < message.results.length; ++i)
                        $root.harrier.v1.ScoreResult.encode(message.results[i], writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ScoreResponse.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.ScoreResponse();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if (!(message.results && message.results.length))
                                message.results = [];
                            message.results.push($root.harrier.v1.ScoreResult.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ScoreResponse;
        })();

        v1.ScoreResult = (function() {

            var ScoreResult = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ScoreResult.prototype.decision = null;
            ScoreResult.prototype.error = null;

            var $oneOfFields;

            $Object.defineProperty(ScoreResult.prototype, "result", {
                get: $util.oneOfGetter($oneOfFields = ["decision", "error"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            ScoreResult.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.decision != null && $Object.hasOwnProperty.call(message, "decision"))
                    $root.harrier.v1.Decision.encode(message.decision, writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.error != null && $Object.hasOwnProperty.call(message, "error"))
                    $root.harrier.v1.Error.encode(message.error, writer.uint32(18).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ScoreResult.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.ScoreResult();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            message.decision = $root.harrier.v1.Decision.decode(reader, reader.size(), $undefined, _depth + 1, message.decision);
                            message.result = "decision";
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            message.error = $root.harrier.v1.Error.decode(reader, reader.size(), $undefined, _depth + 1, message.error);
                            message.result = "error";
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ScoreResult;
        })();

        v1.Transaction = (function() {

            var Transaction = function (properties) {
                this.attributes = [];
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Transaction.prototype.id = "";
            Transaction.prototype.event_time_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            Transaction.prototype.amount_minor = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            Transaction.prototype.currency = "";
            Transaction.prototype.card = "";
            Transaction.prototype.customer = "";
            Transaction.prototype.account = "";
            Transaction.prototype.merchant = "";
            Transaction.prototype.terminal = "";
            Transaction.prototype.device = "";
            Transaction.prototype.ip = "";
            Transaction.prototype.country = "";
            Transaction.prototype.mcc = "";
            Transaction.prototype.channel = "";
            Transaction.prototype.email = "";
            Transaction.prototype.phone = "";
            Transaction.prototype.source = "";
            Transaction.prototype.sequence = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            Transaction.prototype.location = null;
            Transaction.prototype.attributes = $util.emptyArray;

            Transaction.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.id != null && $Object.hasOwnProperty.call(message, "id") && message.id !== "")
                    writer.uint32(10).string(message.id);
                if (message.event_time_us != null && $Object.hasOwnProperty.call(message, "event_time_us") && (typeof message.event_time_us === "object" ? message.event_time_us.low || message.event_time_us.high : message.event_time_us !== 0))
                    writer.uint32(16).int64(message.event_time_us);
                if (message.amount_minor != null && $Object.hasOwnProperty.call(message, "amount_minor") && (typeof message.amount_minor === "object" ? message.amount_minor.low || message.amount_minor.high : message.amount_minor !== 0))
                    writer.uint32(24).int64(message.amount_minor);
                if (message.currency != null && $Object.hasOwnProperty.call(message, "currency") && message.currency !== "")
                    writer.uint32(34).string(message.currency);
                if (message.card != null && $Object.hasOwnProperty.call(message, "card") && message.card !== "")
                    writer.uint32(42).string(message.card);
                if (message.customer != null && $Object.hasOwnProperty.call(message, "customer") && message.customer !== "")
                    writer.uint32(50).string(message.customer);
                if (message.account != null && $Object.hasOwnProperty.call(message, "account") && message.account !== "")
                    writer.uint32(58).string(message.account);
                if (message.merchant != null && $Object.hasOwnProperty.call(message, "merchant") && message.merchant !== "")
                    writer.uint32(66).string(message.merchant);
                if (message.terminal != null && $Object.hasOwnProperty.call(message, "terminal") && message.terminal !== "")
                    writer.uint32(74).string(message.terminal);
                if (message.device != null && $Object.hasOwnProperty.call(message, "device") && message.device !== "")
                    writer.uint32(82).string(message.device);
                if (message.ip != null && $Object.hasOwnProperty.call(message, "ip") && message.ip !== "")
                    writer.uint32(90).string(message.ip);
                if (message.country != null && $Object.hasOwnProperty.call(message, "country") && message.country !== "")
                    writer.uint32(98).string(message.country);
                if (message.mcc != null && $Object.hasOwnProperty.call(message, "mcc") && message.mcc !== "")
                    writer.uint32(106).string(message.mcc);
                if (message.channel != null && $Object.hasOwnProperty.call(message, "channel") && message.channel !== "")
                    writer.uint32(114).string(message.channel);
                if (message.email != null && $Object.hasOwnProperty.call(message, "email") && message.email !== "")
                    writer.uint32(122).string(message.email);
                if (message.phone != null && $Object.hasOwnProperty.call(message, "phone") && message.phone !== "")
                    writer.uint32(130).string(message.phone);
                if (message.source != null && $Object.hasOwnProperty.call(message, "source") && message.source !== "")
                    writer.uint32(138).string(message.source);
                if (message.sequence != null && $Object.hasOwnProperty.call(message, "sequence") && (typeof message.sequence === "object" ? message.sequence.low || message.sequence.high : message.sequence !== 0))
                    writer.uint32(144).uint64(message.sequence);
                if (message.location != null && $Object.hasOwnProperty.call(message, "location"))
                    $root.harrier.v1.Location.encode(message.location, writer.uint32(162).fork(), _depth + 1).ldelim();
                if (message.attributes != null && message.attributes.length)
                    for (var i = 0; i < message.attributes.length; ++i)
                        $root.harrier.v1.Attribute.encode(message.attributes[i], writer.uint32(242).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Transaction.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.Transaction();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.id = value;
                            else
                                delete message.id;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.event_time_us = value;
                            else
                                delete message.event_time_us;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.amount_minor = value;
                            else
                                delete message.amount_minor;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.currency = value;
                            else
                                delete message.currency;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.card = value;
                            else
                                delete message.card;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.customer = value;
                            else
                                delete message.customer;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.account = value;
                            else
                                delete message.account;
                            continue;
                        }
                    case 8: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.merchant = value;
                            else
                                delete message.merchant;
                            continue;
                        }
                    case 9: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.terminal = value;
                            else
                                delete message.terminal;
                            continue;
                        }
                    case 10: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.device = value;
                            else
                                delete message.device;
                            continue;
                        }
                    case 11: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.ip = value;
                            else
                                delete message.ip;
                            continue;
                        }
                    case 12: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.country = value;
                            else
                                delete message.country;
                            continue;
                        }
                    case 13: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.mcc = value;
                            else
                                delete message.mcc;
                            continue;
                        }
                    case 14: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.channel = value;
                            else
                                delete message.channel;
                            continue;
                        }
                    case 15: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.email = value;
                            else
                                delete message.email;
                            continue;
                        }
                    case 16: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.phone = value;
                            else
                                delete message.phone;
                            continue;
                        }
                    case 17: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.source = value;
                            else
                                delete message.source;
                            continue;
                        }
                    case 18: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.sequence = value;
                            else
                                delete message.sequence;
                            continue;
                        }
                    case 20: {
                            if (wireType !== 2)
                                break;
                            message.location = $root.harrier.v1.Location.decode(reader, reader.size(), $undefined, _depth + 1, message.location);
                            continue;
                        }
                    case 30: {
                            if (wireType !== 2)
                                break;
                            if (!(message.attributes && message.attributes.length))
                                message.attributes = [];
                            message.attributes.push($root.harrier.v1.Attribute.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Transaction;
        })();

        v1.Location = (function() {

            var Location = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Location.prototype.latitude_e7 = 0;
            Location.prototype.longitude_e7 = 0;

            Location.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.latitude_e7 != null && $Object.hasOwnProperty.call(message, "latitude_e7") && message.latitude_e7 !== 0)
                    writer.uint32(8).sint32(message.latitude_e7);
                if (message.longitude_e7 != null && $Object.hasOwnProperty.call(message, "longitude_e7") && message.longitude_e7 !== 0)
                    writer.uint32(16).sint32(message.longitude_e7);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Location.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.Location();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.sint32())
                                message.latitude_e7 = value;
                            else
                                delete message.latitude_e7;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.sint32())
                                message.longitude_e7 = value;
                            else
                                delete message.longitude_e7;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Location;
        })();

        v1.Attribute = (function() {

            var Attribute = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Attribute.prototype.name = "";
            Attribute.prototype.text = null;
            Attribute.prototype.integer = null;
            Attribute.prototype.number = null;
            Attribute.prototype.flag = null;

            var $oneOfFields;

            $Object.defineProperty(Attribute.prototype, "value", {
                get: $util.oneOfGetter($oneOfFields = ["text", "integer", "number", "flag"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            Attribute.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.name != null && $Object.hasOwnProperty.call(message, "name") && message.name !== "")
                    writer.uint32(10).string(message.name);
                if (message.text != null && $Object.hasOwnProperty.call(message, "text"))
                    writer.uint32(18).string(message.text);
                if (message.integer != null && $Object.hasOwnProperty.call(message, "integer"))
                    writer.uint32(24).sint64(message.integer);
                if (message.number != null && $Object.hasOwnProperty.call(message, "number"))
                    writer.uint32(33).double(message.number);
                if (message.flag != null && $Object.hasOwnProperty.call(message, "flag"))
                    writer.uint32(40).bool(message.flag);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Attribute.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.Attribute();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.name = value;
                            else
                                delete message.name;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            message.text = reader.stringVerify();
                            message.value = "text";
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            message.integer = reader.sint64();
                            message.value = "integer";
                            continue;
                        }
                    case 4: {
                            if (wireType !== 1)
                                break;
                            message.number = reader.double();
                            message.value = "number";
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            message.flag = reader.bool();
                            message.value = "flag";
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Attribute;
        })();

        v1.Verdict = (function() {
            var valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "VERDICT_UNSPECIFIED"] = 0;
            values[valuesById[1] = "VERDICT_APPROVE"] = 1;
            values[valuesById[2] = "VERDICT_REVIEW"] = 2;
            values[valuesById[3] = "VERDICT_CHALLENGE"] = 3;
            values[valuesById[4] = "VERDICT_DECLINE"] = 4;
            return values;
        })();

        v1.Decision = (function() {

            var Decision = function (properties) {
                this.reasons = [];
                this.features = [];
                this.failed_rules = [];
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Decision.prototype.transaction_id = "";
            Decision.prototype.verdict = 0;
            Decision.prototype.score = 0;
            Decision.prototype.reasons = $util.emptyArray;
            Decision.prototype.snapshot_id = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            Decision.prototype.generation_id = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            Decision.prototype.position = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            Decision.prototype.degraded = false;
            Decision.prototype.degraded_reason = "";
            Decision.prototype.duplicate = false;
            Decision.prototype.dry_run = false;
            Decision.prototype.server_us = 0;
            Decision.prototype.rule_errors = 0;
            Decision.prototype.features = $util.emptyArray;
            Decision.prototype.failed_rules = $util.emptyArray;
            Decision.prototype.arm = 0;

            Decision.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.transaction_id != null && $Object.hasOwnProperty.call(message, "transaction_id") && message.transaction_id !== "")
                    writer.uint32(10).string(message.transaction_id);
                if (message.verdict != null && $Object.hasOwnProperty.call(message, "verdict") && message.verdict !== 0)
                    writer.uint32(16).int32(message.verdict);
                if (message.score != null && $Object.hasOwnProperty.call(message, "score") && message.score !== 0)
                    writer.uint32(24).uint32(message.score);
                if (message.reasons != null && message.reasons.length)
                    for (var i = 0; i < message.reasons.length; ++i)
                        $root.harrier.v1.Reason.encode(message.reasons[i], writer.uint32(34).fork(), _depth + 1).ldelim();
                if (message.snapshot_id != null && $Object.hasOwnProperty.call(message, "snapshot_id") && (typeof message.snapshot_id === "object" ? message.snapshot_id.low || message.snapshot_id.high : message.snapshot_id !== 0))
                    writer.uint32(41).fixed64(message.snapshot_id);
                if (message.generation_id != null && $Object.hasOwnProperty.call(message, "generation_id") && (typeof message.generation_id === "object" ? message.generation_id.low || message.generation_id.high : message.generation_id !== 0))
                    writer.uint32(49).fixed64(message.generation_id);
                if (message.position != null && $Object.hasOwnProperty.call(message, "position") && (typeof message.position === "object" ? message.position.low || message.position.high : message.position !== 0))
                    writer.uint32(56).uint64(message.position);
                if (message.degraded != null && $Object.hasOwnProperty.call(message, "degraded") && message.degraded !== false)
                    writer.uint32(64).bool(message.degraded);
                if (message.degraded_reason != null && $Object.hasOwnProperty.call(message, "degraded_reason") && message.degraded_reason !== "")
                    writer.uint32(74).string(message.degraded_reason);
                if (message.duplicate != null && $Object.hasOwnProperty.call(message, "duplicate") && message.duplicate !== false)
                    writer.uint32(80).bool(message.duplicate);
                if (message.dry_run != null && $Object.hasOwnProperty.call(message, "dry_run") && message.dry_run !== false)
                    writer.uint32(88).bool(message.dry_run);
                if (message.server_us != null && $Object.hasOwnProperty.call(message, "server_us") && message.server_us !== 0)
                    writer.uint32(96).uint32(message.server_us);
                if (message.rule_errors != null && $Object.hasOwnProperty.call(message, "rule_errors") && message.rule_errors !== 0)
                    writer.uint32(104).uint32(message.rule_errors);
                if (message.features != null && message.features.length)
                    for (var i = 0; i < message.features.length; ++i)
                        $root.harrier.v1.NamedValue.encode(message.features[i], writer.uint32(114).fork(), _depth + 1).ldelim();
                if (message.failed_rules != null && message.failed_rules.length)
                    for (var i = 0; i < message.failed_rules.length; ++i)
                        writer.uint32(122).string(message.failed_rules[i]);
                if (message.arm != null && $Object.hasOwnProperty.call(message, "arm") && message.arm !== 0)
                    writer.uint32(128).int32(message.arm);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Decision.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.Decision();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.transaction_id = value;
                            else
                                delete message.transaction_id;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.verdict = value;
                            else
                                delete message.verdict;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.score = value;
                            else
                                delete message.score;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if (!(message.reasons && message.reasons.length))
                                message.reasons = [];
                            message.reasons.push($root.harrier.v1.Reason.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 5: {
                            if (wireType !== 1)
                                break;
                            if (typeof (value = reader.fixed64()) === "object" ? value.low || value.high : value !== 0)
                                message.snapshot_id = value;
                            else
                                delete message.snapshot_id;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 1)
                                break;
                            if (typeof (value = reader.fixed64()) === "object" ? value.low || value.high : value !== 0)
                                message.generation_id = value;
                            else
                                delete message.generation_id;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.position = value;
                            else
                                delete message.position;
                            continue;
                        }
                    case 8: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.degraded = value;
                            else
                                delete message.degraded;
                            continue;
                        }
                    case 9: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.degraded_reason = value;
                            else
                                delete message.degraded_reason;
                            continue;
                        }
                    case 10: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.duplicate = value;
                            else
                                delete message.duplicate;
                            continue;
                        }
                    case 11: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.dry_run = value;
                            else
                                delete message.dry_run;
                            continue;
                        }
                    case 12: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.server_us = value;
                            else
                                delete message.server_us;
                            continue;
                        }
                    case 13: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.rule_errors = value;
                            else
                                delete message.rule_errors;
                            continue;
                        }
                    case 14: {
                            if (wireType !== 2)
                                break;
                            if (!(message.features && message.features.length))
                                message.features = [];
                            message.features.push($root.harrier.v1.NamedValue.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 15: {
                            if (wireType !== 2)
                                break;
                            if (!(message.failed_rules && message.failed_rules.length))
                                message.failed_rules = [];
                            message.failed_rules.push(reader.stringVerify());
                            continue;
                        }
                    case 16: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.arm = value;
                            else
                                delete message.arm;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Decision;
        })();

        v1.Arm = (function() {
            var valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "ARM_UNSPECIFIED"] = 0;
            values[valuesById[1] = "ARM_CHAMPION"] = 1;
            values[valuesById[2] = "ARM_CHALLENGER"] = 2;
            return values;
        })();

        v1.Reason = (function() {

            var Reason = function (properties) {
                this.tags = [];
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Reason.prototype.rule = "";
            Reason.prototype.text = "";
            Reason.prototype.score = 0;
            Reason.prototype.verdict = 0;
            Reason.prototype.shadow = false;
            Reason.prototype.suppressed = false;
            Reason.prototype.tags = $util.emptyArray;
            Reason.prototype.group = "";
            Reason.prototype.capped = 0;
            Reason.prototype.verdict_if_live = 0;

            Reason.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.rule != null && $Object.hasOwnProperty.call(message, "rule") && message.rule !== "")
                    writer.uint32(10).string(message.rule);
                if (message.text != null && $Object.hasOwnProperty.call(message, "text") && message.text !== "")
                    writer.uint32(18).string(message.text);
                if (message.score != null && $Object.hasOwnProperty.call(message, "score") && message.score !== 0)
                    writer.uint32(24).sint32(message.score);
                if (message.verdict != null && $Object.hasOwnProperty.call(message, "verdict") && message.verdict !== 0)
                    writer.uint32(32).int32(message.verdict);
                if (message.shadow != null && $Object.hasOwnProperty.call(message, "shadow") && message.shadow !== false)
                    writer.uint32(40).bool(message.shadow);
                if (message.suppressed != null && $Object.hasOwnProperty.call(message, "suppressed") && message.suppressed !== false)
                    writer.uint32(48).bool(message.suppressed);
                if (message.tags != null && message.tags.length)
                    for (var i = 0; i < message.tags.length; ++i)
                        writer.uint32(58).string(message.tags[i]);
                if (message.group != null && $Object.hasOwnProperty.call(message, "group") && message.group !== "")
                    writer.uint32(66).string(message.group);
                if (message.capped != null && $Object.hasOwnProperty.call(message, "capped") && message.capped !== 0)
                    writer.uint32(72).sint32(message.capped);
                if (message.verdict_if_live != null && $Object.hasOwnProperty.call(message, "verdict_if_live") && message.verdict_if_live !== 0)
                    writer.uint32(80).int32(message.verdict_if_live);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Reason.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.Reason();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.rule = value;
                            else
                                delete message.rule;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.text = value;
                            else
                                delete message.text;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.sint32())
                                message.score = value;
                            else
                                delete message.score;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.verdict = value;
                            else
                                delete message.verdict;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.shadow = value;
                            else
                                delete message.shadow;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.suppressed = value;
                            else
                                delete message.suppressed;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 2)
                                break;
                            if (!(message.tags && message.tags.length))
                                message.tags = [];
                            message.tags.push(reader.stringVerify());
                            continue;
                        }
                    case 8: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.group = value;
                            else
                                delete message.group;
                            continue;
                        }
                    case 9: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.sint32())
                                message.capped = value;
                            else
                                delete message.capped;
                            continue;
                        }
                    case 10: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.verdict_if_live = value;
                            else
                                delete message.verdict_if_live;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Reason;
        })();

        v1.NamedValue = (function() {

            var NamedValue = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            NamedValue.prototype.name = "";
            NamedValue.prototype.flag = null;
            NamedValue.prototype.integer = null;
            NamedValue.prototype.number = null;
            NamedValue.prototype.text = null;
            NamedValue.prototype.timestamp_us = null;
            NamedValue.prototype.duration_us = null;

            var $oneOfFields;

            $Object.defineProperty(NamedValue.prototype, "value", {
                get: $util.oneOfGetter($oneOfFields = ["flag", "integer", "number", "text", "timestamp_us", "duration_us"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            NamedValue.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.name != null && $Object.hasOwnProperty.call(message, "name") && message.name !== "")
                    writer.uint32(10).string(message.name);
                if (message.flag != null && $Object.hasOwnProperty.call(message, "flag"))
                    writer.uint32(16).bool(message.flag);
                if (message.integer != null && $Object.hasOwnProperty.call(message, "integer"))
                    writer.uint32(24).sint64(message.integer);
                if (message.number != null && $Object.hasOwnProperty.call(message, "number"))
                    writer.uint32(33).double(message.number);
                if (message.text != null && $Object.hasOwnProperty.call(message, "text"))
                    writer.uint32(42).string(message.text);
                if (message.timestamp_us != null && $Object.hasOwnProperty.call(message, "timestamp_us"))
                    writer.uint32(48).sint64(message.timestamp_us);
                if (message.duration_us != null && $Object.hasOwnProperty.call(message, "duration_us"))
                    writer.uint32(56).sint64(message.duration_us);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            NamedValue.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.NamedValue();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.name = value;
                            else
                                delete message.name;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            message.flag = reader.bool();
                            message.value = "flag";
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            message.integer = reader.sint64();
                            message.value = "integer";
                            continue;
                        }
                    case 4: {
                            if (wireType !== 1)
                                break;
                            message.number = reader.double();
                            message.value = "number";
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            message.text = reader.stringVerify();
                            message.value = "text";
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            message.timestamp_us = reader.sint64();
                            message.value = "timestamp_us";
                            continue;
                        }
                    case 7: {
                            if (wireType !== 0)
                                break;
                            message.duration_us = reader.sint64();
                            message.value = "duration_us";
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return NamedValue;
        })();

        v1.Label = (function() {
            var valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "LABEL_NONE"] = 0;
            values[valuesById[1] = "LABEL_LEGIT"] = 1;
            values[valuesById[2] = "LABEL_FRAUD"] = 2;
            values[valuesById[3] = "LABEL_CHARGEBACK"] = 3;
            values[valuesById[4] = "LABEL_SUSPECTED"] = 4;
            return values;
        })();

        v1.ReportOutcomeRequest = (function() {

            var ReportOutcomeRequest = function (properties) {
                this.outcomes = [];
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ReportOutcomeRequest.prototype.outcomes = $util.emptyArray;

            ReportOutcomeRequest.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.outcomes != null && message.outcomes.length)
                    for (var i = 0; i < message.outcomes.length; ++i)
                        $root.harrier.v1.Outcome.encode(message.outcomes[i], writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ReportOutcomeRequest.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.ReportOutcomeRequest();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if (!(message.outcomes && message.outcomes.length))
                                message.outcomes = [];
                            message.outcomes.push($root.harrier.v1.Outcome.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ReportOutcomeRequest;
        })();

        v1.Outcome = (function() {

            var Outcome = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Outcome.prototype.transaction_id = "";
            Outcome.prototype.label = 0;
            Outcome.prototype.known_time_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            Outcome.prototype.source = "";
            Outcome.prototype.unless_labelled = false;

            Outcome.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.transaction_id != null && $Object.hasOwnProperty.call(message, "transaction_id") && message.transaction_id !== "")
                    writer.uint32(10).string(message.transaction_id);
                if (message.label != null && $Object.hasOwnProperty.call(message, "label") && message.label !== 0)
                    writer.uint32(16).int32(message.label);
                if (message.known_time_us != null && $Object.hasOwnProperty.call(message, "known_time_us") && (typeof message.known_time_us === "object" ? message.known_time_us.low || message.known_time_us.high : message.known_time_us !== 0))
                    writer.uint32(24).int64(message.known_time_us);
                if (message.source != null && $Object.hasOwnProperty.call(message, "source") && message.source !== "")
                    writer.uint32(34).string(message.source);
                if (message.unless_labelled != null && $Object.hasOwnProperty.call(message, "unless_labelled") && message.unless_labelled !== false)
                    writer.uint32(480).bool(message.unless_labelled);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Outcome.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.Outcome();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.transaction_id = value;
                            else
                                delete message.transaction_id;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.label = value;
                            else
                                delete message.label;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.known_time_us = value;
                            else
                                delete message.known_time_us;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.source = value;
                            else
                                delete message.source;
                            continue;
                        }
                    case 60: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.unless_labelled = value;
                            else
                                delete message.unless_labelled;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Outcome;
        })();

        v1.ReportOutcomeResponse = (function() {

            var ReportOutcomeResponse = function (properties) {
                this.results = [];
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ReportOutcomeResponse.prototype.results = $util.emptyArray;

            ReportOutcomeResponse.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.results != null && message.results.length)
                    for (var i = 0; i < message.results.length; ++i)
                        $root.harrier.v1.OutcomeResult.encode(message.results[i], writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ReportOutcomeResponse.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.ReportOutcomeResponse();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if (!(message.results && message.results.length))
                                message.results = [];
                            message.results.push($root.harrier.v1.OutcomeResult.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ReportOutcomeResponse;
        })();

        v1.OutcomeResult = (function() {

            var OutcomeResult = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            OutcomeResult.prototype.accepted = null;
            OutcomeResult.prototype.error = null;

            var $oneOfFields;

            $Object.defineProperty(OutcomeResult.prototype, "result", {
                get: $util.oneOfGetter($oneOfFields = ["accepted", "error"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            OutcomeResult.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.accepted != null && $Object.hasOwnProperty.call(message, "accepted"))
                    $root.harrier.v1.OutcomeAccepted.encode(message.accepted, writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.error != null && $Object.hasOwnProperty.call(message, "error"))
                    $root.harrier.v1.Error.encode(message.error, writer.uint32(18).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            OutcomeResult.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.OutcomeResult();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            message.accepted = $root.harrier.v1.OutcomeAccepted.decode(reader, reader.size(), $undefined, _depth + 1, message.accepted);
                            message.result = "accepted";
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            message.error = $root.harrier.v1.Error.decode(reader, reader.size(), $undefined, _depth + 1, message.error);
                            message.result = "error";
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return OutcomeResult;
        })();

        v1.OutcomeAccepted = (function() {

            var OutcomeAccepted = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            OutcomeAccepted.prototype.transaction_id = "";
            OutcomeAccepted.prototype.position = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            OutcomeAccepted.prototype.changed = false;
            OutcomeAccepted.prototype.previous = 0;

            OutcomeAccepted.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.transaction_id != null && $Object.hasOwnProperty.call(message, "transaction_id") && message.transaction_id !== "")
                    writer.uint32(10).string(message.transaction_id);
                if (message.position != null && $Object.hasOwnProperty.call(message, "position") && (typeof message.position === "object" ? message.position.low || message.position.high : message.position !== 0))
                    writer.uint32(16).uint64(message.position);
                if (message.changed != null && $Object.hasOwnProperty.call(message, "changed") && message.changed !== false)
                    writer.uint32(24).bool(message.changed);
                if (message.previous != null && $Object.hasOwnProperty.call(message, "previous") && message.previous !== 0)
                    writer.uint32(32).int32(message.previous);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            OutcomeAccepted.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.OutcomeAccepted();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.transaction_id = value;
                            else
                                delete message.transaction_id;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.position = value;
                            else
                                delete message.position;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.changed = value;
                            else
                                delete message.changed;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.previous = value;
                            else
                                delete message.previous;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return OutcomeAccepted;
        })();

        v1.AmendmentKind = (function() {
            var valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "AMENDMENT_UNSPECIFIED"] = 0;
            values[valuesById[1] = "AMENDMENT_VOID"] = 1;
            values[valuesById[2] = "AMENDMENT_CAPTURE"] = 2;
            values[valuesById[3] = "AMENDMENT_REFUND"] = 3;
            values[valuesById[4] = "AMENDMENT_RESTORE"] = 4;
            return values;
        })();

        v1.AmendRequest = (function() {

            var AmendRequest = function (properties) {
                this.amendments = [];
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            AmendRequest.prototype.amendments = $util.emptyArray;

            AmendRequest.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.amendments != null && message.amendments.length)
                    for (var i = 0; i < message.amendments.length; ++i)
                        $root.harrier.v1.Amendment.encode(message.amendments[i], writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            AmendRequest.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.AmendRequest();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if (!(message.amendments && message.amendments.length))
                                message.amendments = [];
                            message.amendments.push($root.harrier.v1.Amendment.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return AmendRequest;
        })();

        v1.Amendment = (function() {

            var Amendment = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Amendment.prototype.transaction_id = "";
            Amendment.prototype.kind = 0;
            Amendment.prototype.amount_minor = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            Amendment.prototype.known_time_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            Amendment.prototype.source = "";
            Amendment.prototype.currency = "";

            Amendment.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.transaction_id != null && $Object.hasOwnProperty.call(message, "transaction_id") && message.transaction_id !== "")
                    writer.uint32(10).string(message.transaction_id);
                if (message.kind != null && $Object.hasOwnProperty.call(message, "kind") && message.kind !== 0)
                    writer.uint32(16).int32(message.kind);
                if (message.amount_minor != null && $Object.hasOwnProperty.call(message, "amount_minor") && (typeof message.amount_minor === "object" ? message.amount_minor.low || message.amount_minor.high : message.amount_minor !== 0))
                    writer.uint32(24).int64(message.amount_minor);
                if (message.known_time_us != null && $Object.hasOwnProperty.call(message, "known_time_us") && (typeof message.known_time_us === "object" ? message.known_time_us.low || message.known_time_us.high : message.known_time_us !== 0))
                    writer.uint32(32).int64(message.known_time_us);
                if (message.source != null && $Object.hasOwnProperty.call(message, "source") && message.source !== "")
                    writer.uint32(42).string(message.source);
                if (message.currency != null && $Object.hasOwnProperty.call(message, "currency") && message.currency !== "")
                    writer.uint32(50).string(message.currency);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Amendment.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.Amendment();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.transaction_id = value;
                            else
                                delete message.transaction_id;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.kind = value;
                            else
                                delete message.kind;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.amount_minor = value;
                            else
                                delete message.amount_minor;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.known_time_us = value;
                            else
                                delete message.known_time_us;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.source = value;
                            else
                                delete message.source;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.currency = value;
                            else
                                delete message.currency;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Amendment;
        })();

        v1.AmendResponse = (function() {

            var AmendResponse = function (properties) {
                this.results = [];
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            AmendResponse.prototype.results = $util.emptyArray;

            AmendResponse.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.results != null && message.results.length)
                    for (var i = 0; i < message.results.length; ++i)
                        $root.harrier.v1.AmendmentResult.encode(message.results[i], writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            AmendResponse.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.AmendResponse();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if (!(message.results && message.results.length))
                                message.results = [];
                            message.results.push($root.harrier.v1.AmendmentResult.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return AmendResponse;
        })();

        v1.AmendmentResult = (function() {

            var AmendmentResult = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            AmendmentResult.prototype.accepted = null;
            AmendmentResult.prototype.error = null;

            var $oneOfFields;

            $Object.defineProperty(AmendmentResult.prototype, "result", {
                get: $util.oneOfGetter($oneOfFields = ["accepted", "error"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            AmendmentResult.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.accepted != null && $Object.hasOwnProperty.call(message, "accepted"))
                    $root.harrier.v1.AmendmentAccepted.encode(message.accepted, writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.error != null && $Object.hasOwnProperty.call(message, "error"))
                    $root.harrier.v1.Error.encode(message.error, writer.uint32(18).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            AmendmentResult.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.AmendmentResult();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            message.accepted = $root.harrier.v1.AmendmentAccepted.decode(reader, reader.size(), $undefined, _depth + 1, message.accepted);
                            message.result = "accepted";
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            message.error = $root.harrier.v1.Error.decode(reader, reader.size(), $undefined, _depth + 1, message.error);
                            message.result = "error";
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return AmendmentResult;
        })();

        v1.AmendmentAccepted = (function() {

            var AmendmentAccepted = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            AmendmentAccepted.prototype.transaction_id = "";
            AmendmentAccepted.prototype.position = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            AmendmentAccepted.prototype.changed = false;
            AmendmentAccepted.prototype.previous = null;
            AmendmentAccepted.prototype.now = null;

            AmendmentAccepted.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.transaction_id != null && $Object.hasOwnProperty.call(message, "transaction_id") && message.transaction_id !== "")
                    writer.uint32(10).string(message.transaction_id);
                if (message.position != null && $Object.hasOwnProperty.call(message, "position") && (typeof message.position === "object" ? message.position.low || message.position.high : message.position !== 0))
                    writer.uint32(16).uint64(message.position);
                if (message.changed != null && $Object.hasOwnProperty.call(message, "changed") && message.changed !== false)
                    writer.uint32(24).bool(message.changed);
                if (message.previous != null && $Object.hasOwnProperty.call(message, "previous"))
                    $root.harrier.v1.AmendedTransaction.encode(message.previous, writer.uint32(34).fork(), _depth + 1).ldelim();
                if (message.now != null && $Object.hasOwnProperty.call(message, "now"))
                    $root.harrier.v1.AmendedTransaction.encode(message.now, writer.uint32(42).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            AmendmentAccepted.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.AmendmentAccepted();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.transaction_id = value;
                            else
                                delete message.transaction_id;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.position = value;
                            else
                                delete message.position;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.changed = value;
                            else
                                delete message.changed;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            message.previous = $root.harrier.v1.AmendedTransaction.decode(reader, reader.size(), $undefined, _depth + 1, message.previous);
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            message.now = $root.harrier.v1.AmendedTransaction.decode(reader, reader.size(), $undefined, _depth + 1, message.now);
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return AmendmentAccepted;
        })();

        v1.AmendedTransaction = (function() {

            var AmendedTransaction = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            AmendedTransaction.prototype.voided = false;
            AmendedTransaction.prototype.amount_minor = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            AmendedTransaction.prototype.refunded_minor = $util.Long ? $util.Long.fromBits(0,0,false) : 0;

            AmendedTransaction.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.voided != null && $Object.hasOwnProperty.call(message, "voided") && message.voided !== false)
                    writer.uint32(8).bool(message.voided);
                if (message.amount_minor != null && $Object.hasOwnProperty.call(message, "amount_minor") && (typeof message.amount_minor === "object" ? message.amount_minor.low || message.amount_minor.high : message.amount_minor !== 0))
                    writer.uint32(16).int64(message.amount_minor);
                if (message.refunded_minor != null && $Object.hasOwnProperty.call(message, "refunded_minor") && (typeof message.refunded_minor === "object" ? message.refunded_minor.low || message.refunded_minor.high : message.refunded_minor !== 0))
                    writer.uint32(24).int64(message.refunded_minor);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            AmendedTransaction.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.AmendedTransaction();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.voided = value;
                            else
                                delete message.voided;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.amount_minor = value;
                            else
                                delete message.amount_minor;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.refunded_minor = value;
                            else
                                delete message.refunded_minor;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return AmendedTransaction;
        })();

        v1.BackfillRequest = (function() {

            var BackfillRequest = function (properties) {
                this.items = [];
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            BackfillRequest.prototype.items = $util.emptyArray;

            BackfillRequest.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.items != null && message.items.length)
                    for (var i = 0; i < message.items.length; ++i)
                        $root.harrier.v1.BackfillItem.encode(message.items[i], writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            BackfillRequest.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.BackfillRequest();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if (!(message.items && message.items.length))
                                message.items = [];
                            message.items.push($root.harrier.v1.BackfillItem.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return BackfillRequest;
        })();

        v1.BackfillItem = (function() {

            var BackfillItem = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            BackfillItem.prototype.transaction = null;
            BackfillItem.prototype.outcome = null;
            BackfillItem.prototype.amendment = null;

            BackfillItem.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.transaction != null && $Object.hasOwnProperty.call(message, "transaction"))
                    $root.harrier.v1.Transaction.encode(message.transaction, writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.outcome != null && $Object.hasOwnProperty.call(message, "outcome"))
                    $root.harrier.v1.Outcome.encode(message.outcome, writer.uint32(18).fork(), _depth + 1).ldelim();
                if (message.amendment != null && $Object.hasOwnProperty.call(message, "amendment"))
                    $root.harrier.v1.Amendment.encode(message.amendment, writer.uint32(26).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            BackfillItem.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.BackfillItem();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            message.transaction = $root.harrier.v1.Transaction.decode(reader, reader.size(), $undefined, _depth + 1, message.transaction);
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            message.outcome = $root.harrier.v1.Outcome.decode(reader, reader.size(), $undefined, _depth + 1, message.outcome);
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            message.amendment = $root.harrier.v1.Amendment.decode(reader, reader.size(), $undefined, _depth + 1, message.amendment);
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return BackfillItem;
        })();

        v1.BackfillResponse = (function() {

            var BackfillResponse = function (properties) {
                this.results = [];
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            BackfillResponse.prototype.results = $util.emptyArray;

            BackfillResponse.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.results != null && message.results.length)
                    for (var i = 0; i < message.results.length; ++i)
                        $root.harrier.v1.BackfillResult.encode(message.results[i], writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            BackfillResponse.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.BackfillResponse();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if (!(message.results && message.results.length))
                                message.results = [];
                            message.results.push($root.harrier.v1.BackfillResult.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return BackfillResponse;
        })();

        v1.BackfillResult = (function() {

            var BackfillResult = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            BackfillResult.prototype.accepted = null;
            BackfillResult.prototype.error = null;

            var $oneOfFields;

            $Object.defineProperty(BackfillResult.prototype, "result", {
                get: $util.oneOfGetter($oneOfFields = ["accepted", "error"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            BackfillResult.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.accepted != null && $Object.hasOwnProperty.call(message, "accepted"))
                    $root.harrier.v1.BackfillAccepted.encode(message.accepted, writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.error != null && $Object.hasOwnProperty.call(message, "error"))
                    $root.harrier.v1.Error.encode(message.error, writer.uint32(18).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            BackfillResult.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.BackfillResult();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            message.accepted = $root.harrier.v1.BackfillAccepted.decode(reader, reader.size(), $undefined, _depth + 1, message.accepted);
                            message.result = "accepted";
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            message.error = $root.harrier.v1.Error.decode(reader, reader.size(), $undefined, _depth + 1, message.error);
                            message.result = "error";
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return BackfillResult;
        })();

        v1.BackfillAccepted = (function() {

            var BackfillAccepted = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            BackfillAccepted.prototype.transaction_id = "";
            BackfillAccepted.prototype.position = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            BackfillAccepted.prototype.duplicate = false;
            BackfillAccepted.prototype.verdict = 0;
            BackfillAccepted.prototype.score = 0;
            BackfillAccepted.prototype.outcome_recorded = false;
            BackfillAccepted.prototype.amendment_recorded = false;

            BackfillAccepted.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.transaction_id != null && $Object.hasOwnProperty.call(message, "transaction_id") && message.transaction_id !== "")
                    writer.uint32(10).string(message.transaction_id);
                if (message.position != null && $Object.hasOwnProperty.call(message, "position") && (typeof message.position === "object" ? message.position.low || message.position.high : message.position !== 0))
                    writer.uint32(16).uint64(message.position);
                if (message.duplicate != null && $Object.hasOwnProperty.call(message, "duplicate") && message.duplicate !== false)
                    writer.uint32(24).bool(message.duplicate);
                if (message.verdict != null && $Object.hasOwnProperty.call(message, "verdict") && message.verdict !== 0)
                    writer.uint32(32).int32(message.verdict);
                if (message.score != null && $Object.hasOwnProperty.call(message, "score") && message.score !== 0)
                    writer.uint32(40).uint32(message.score);
                if (message.outcome_recorded != null && $Object.hasOwnProperty.call(message, "outcome_recorded") && message.outcome_recorded !== false)
                    writer.uint32(48).bool(message.outcome_recorded);
                if (message.amendment_recorded != null && $Object.hasOwnProperty.call(message, "amendment_recorded") && message.amendment_recorded !== false)
                    writer.uint32(56).bool(message.amendment_recorded);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            BackfillAccepted.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.BackfillAccepted();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.transaction_id = value;
                            else
                                delete message.transaction_id;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.position = value;
                            else
                                delete message.position;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.duplicate = value;
                            else
                                delete message.duplicate;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.verdict = value;
                            else
                                delete message.verdict;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.score = value;
                            else
                                delete message.score;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.outcome_recorded = value;
                            else
                                delete message.outcome_recorded;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.amendment_recorded = value;
                            else
                                delete message.amendment_recorded;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return BackfillAccepted;
        })();

        v1.GetEntityRequest = (function() {

            var GetEntityRequest = function (properties) {
                this.key = [];
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            GetEntityRequest.prototype.entity = "";
            GetEntityRequest.prototype.key = $util.emptyArray;
            GetEntityRequest.prototype.at_time_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;

            GetEntityRequest.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.entity != null && $Object.hasOwnProperty.call(message, "entity") && message.entity !== "")
                    writer.uint32(10).string(message.entity);
                if (message.key != null && message.key.length)
                    for (var i = 0; i < message.key.length; ++i)
                        writer.uint32(18).string(message.key[i]);
                if (message.at_time_us != null && $Object.hasOwnProperty.call(message, "at_time_us") && (typeof message.at_time_us === "object" ? message.at_time_us.low || message.at_time_us.high : message.at_time_us !== 0))
                    writer.uint32(24).int64(message.at_time_us);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            GetEntityRequest.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.GetEntityRequest();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.entity = value;
                            else
                                delete message.entity;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if (!(message.key && message.key.length))
                                message.key = [];
                            message.key.push(reader.stringVerify());
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.at_time_us = value;
                            else
                                delete message.at_time_us;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return GetEntityRequest;
        })();

        v1.GetEntityResponse = (function() {

            var GetEntityResponse = function (properties) {
                this.features = [];
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            GetEntityResponse.prototype.features = $util.emptyArray;
            GetEntityResponse.prototype.newest_time_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            GetEntityResponse.prototype.entries = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            GetEntityResponse.prototype.state_bytes = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            GetEntityResponse.prototype.state_hash = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            GetEntityResponse.prototype.at_time_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;

            GetEntityResponse.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.features != null && message.features.length)
                    for (var i = 0; i < message.features.length; ++i)
                        $root.harrier.v1.NamedValue.encode(message.features[i], writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.newest_time_us != null && $Object.hasOwnProperty.call(message, "newest_time_us") && (typeof message.newest_time_us === "object" ? message.newest_time_us.low || message.newest_time_us.high : message.newest_time_us !== 0))
                    writer.uint32(16).int64(message.newest_time_us);
                if (message.entries != null && $Object.hasOwnProperty.call(message, "entries") && (typeof message.entries === "object" ? message.entries.low || message.entries.high : message.entries !== 0))
                    writer.uint32(24).uint64(message.entries);
                if (message.state_bytes != null && $Object.hasOwnProperty.call(message, "state_bytes") && (typeof message.state_bytes === "object" ? message.state_bytes.low || message.state_bytes.high : message.state_bytes !== 0))
                    writer.uint32(32).uint64(message.state_bytes);
                if (message.state_hash != null && $Object.hasOwnProperty.call(message, "state_hash") && (typeof message.state_hash === "object" ? message.state_hash.low || message.state_hash.high : message.state_hash !== 0))
                    writer.uint32(41).fixed64(message.state_hash);
                if (message.at_time_us != null && $Object.hasOwnProperty.call(message, "at_time_us") && (typeof message.at_time_us === "object" ? message.at_time_us.low || message.at_time_us.high : message.at_time_us !== 0))
                    writer.uint32(48).int64(message.at_time_us);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            GetEntityResponse.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.GetEntityResponse();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if (!(message.features && message.features.length))
                                message.features = [];
                            message.features.push($root.harrier.v1.NamedValue.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.newest_time_us = value;
                            else
                                delete message.newest_time_us;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.entries = value;
                            else
                                delete message.entries;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.state_bytes = value;
                            else
                                delete message.state_bytes;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 1)
                                break;
                            if (typeof (value = reader.fixed64()) === "object" ? value.low || value.high : value !== 0)
                                message.state_hash = value;
                            else
                                delete message.state_hash;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.at_time_us = value;
                            else
                                delete message.at_time_us;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return GetEntityResponse;
        })();

        v1.ChangeListRequest = (function() {

            var ChangeListRequest = function (properties) {
                this.changes = [];
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ChangeListRequest.prototype.changes = $util.emptyArray;

            ChangeListRequest.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.changes != null && message.changes.length)
                    for (var i = 0; i < message.changes.length; ++i)
                        $root.harrier.v1.ListChange.encode(message.changes[i], writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ChangeListRequest.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.ChangeListRequest();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if (!(message.changes && message.changes.length))
                                message.changes = [];
                            message.changes.push($root.harrier.v1.ListChange.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ChangeListRequest;
        })();

        v1.ListChange = (function() {

            var ListChange = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ListChange.prototype.list = "";
            ListChange.prototype.value = "";
            ListChange.prototype.remove = false;
            ListChange.prototype.expiry_time_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            ListChange.prototype.source = "";
            ListChange.prototype.reason = "";

            ListChange.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.list != null && $Object.hasOwnProperty.call(message, "list") && message.list !== "")
                    writer.uint32(10).string(message.list);
                if (message.value != null && $Object.hasOwnProperty.call(message, "value") && message.value !== "")
                    writer.uint32(18).string(message.value);
                if (message.remove != null && $Object.hasOwnProperty.call(message, "remove") && message.remove !== false)
                    writer.uint32(24).bool(message.remove);
                if (message.expiry_time_us != null && $Object.hasOwnProperty.call(message, "expiry_time_us") && (typeof message.expiry_time_us === "object" ? message.expiry_time_us.low || message.expiry_time_us.high : message.expiry_time_us !== 0))
                    writer.uint32(32).int64(message.expiry_time_us);
                if (message.source != null && $Object.hasOwnProperty.call(message, "source") && message.source !== "")
                    writer.uint32(42).string(message.source);
                if (message.reason != null && $Object.hasOwnProperty.call(message, "reason") && message.reason !== "")
                    writer.uint32(50).string(message.reason);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ListChange.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.ListChange();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.list = value;
                            else
                                delete message.list;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.value = value;
                            else
                                delete message.value;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.remove = value;
                            else
                                delete message.remove;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.expiry_time_us = value;
                            else
                                delete message.expiry_time_us;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.source = value;
                            else
                                delete message.source;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.reason = value;
                            else
                                delete message.reason;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ListChange;
        })();

        v1.ChangeListResponse = (function() {

            var ChangeListResponse = function (properties) {
                this.results = [];
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ChangeListResponse.prototype.results = $util.emptyArray;

            ChangeListResponse.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.results != null && message.results.length)
                    for (var i = 0; i < message.results.length; ++i)
                        $root.harrier.v1.ListChangeResult.encode(message.results[i], writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ChangeListResponse.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.ChangeListResponse();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if (!(message.results && message.results.length))
                                message.results = [];
                            message.results.push($root.harrier.v1.ListChangeResult.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ChangeListResponse;
        })();

        v1.ListChangeResult = (function() {

            var ListChangeResult = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ListChangeResult.prototype.changed = null;
            ListChangeResult.prototype.error = null;

            var $oneOfFields;

            $Object.defineProperty(ListChangeResult.prototype, "result", {
                get: $util.oneOfGetter($oneOfFields = ["changed", "error"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            ListChangeResult.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.changed != null && $Object.hasOwnProperty.call(message, "changed"))
                    $root.harrier.v1.ListChanged.encode(message.changed, writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.error != null && $Object.hasOwnProperty.call(message, "error"))
                    $root.harrier.v1.Error.encode(message.error, writer.uint32(18).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ListChangeResult.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.ListChangeResult();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            message.changed = $root.harrier.v1.ListChanged.decode(reader, reader.size(), $undefined, _depth + 1, message.changed);
                            message.result = "changed";
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            message.error = $root.harrier.v1.Error.decode(reader, reader.size(), $undefined, _depth + 1, message.error);
                            message.result = "error";
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ListChangeResult;
        })();

        v1.ListChanged = (function() {

            var ListChanged = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ListChanged.prototype.list = "";
            ListChanged.prototype.value = "";
            ListChanged.prototype.position = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ListChanged.prototype.changed = false;
            ListChanged.prototype.was_there = false;
            ListChanged.prototype.previous_expiry_time_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            ListChanged.prototype.in_policy = false;

            ListChanged.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.list != null && $Object.hasOwnProperty.call(message, "list") && message.list !== "")
                    writer.uint32(10).string(message.list);
                if (message.value != null && $Object.hasOwnProperty.call(message, "value") && message.value !== "")
                    writer.uint32(18).string(message.value);
                if (message.position != null && $Object.hasOwnProperty.call(message, "position") && (typeof message.position === "object" ? message.position.low || message.position.high : message.position !== 0))
                    writer.uint32(24).uint64(message.position);
                if (message.changed != null && $Object.hasOwnProperty.call(message, "changed") && message.changed !== false)
                    writer.uint32(32).bool(message.changed);
                if (message.was_there != null && $Object.hasOwnProperty.call(message, "was_there") && message.was_there !== false)
                    writer.uint32(40).bool(message.was_there);
                if (message.previous_expiry_time_us != null && $Object.hasOwnProperty.call(message, "previous_expiry_time_us") && (typeof message.previous_expiry_time_us === "object" ? message.previous_expiry_time_us.low || message.previous_expiry_time_us.high : message.previous_expiry_time_us !== 0))
                    writer.uint32(48).int64(message.previous_expiry_time_us);
                if (message.in_policy != null && $Object.hasOwnProperty.call(message, "in_policy") && message.in_policy !== false)
                    writer.uint32(56).bool(message.in_policy);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ListChanged.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.ListChanged();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.list = value;
                            else
                                delete message.list;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.value = value;
                            else
                                delete message.value;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.position = value;
                            else
                                delete message.position;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.changed = value;
                            else
                                delete message.changed;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.was_there = value;
                            else
                                delete message.was_there;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.previous_expiry_time_us = value;
                            else
                                delete message.previous_expiry_time_us;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.in_policy = value;
                            else
                                delete message.in_policy;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ListChanged;
        })();

        v1.GetListRequest = (function() {

            var GetListRequest = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            GetListRequest.prototype.list = "";
            GetListRequest.prototype.after_position = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            GetListRequest.prototype.limit = 0;

            GetListRequest.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.list != null && $Object.hasOwnProperty.call(message, "list") && message.list !== "")
                    writer.uint32(10).string(message.list);
                if (message.after_position != null && $Object.hasOwnProperty.call(message, "after_position") && (typeof message.after_position === "object" ? message.after_position.low || message.after_position.high : message.after_position !== 0))
                    writer.uint32(16).uint64(message.after_position);
                if (message.limit != null && $Object.hasOwnProperty.call(message, "limit") && message.limit !== 0)
                    writer.uint32(24).uint32(message.limit);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            GetListRequest.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.GetListRequest();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.list = value;
                            else
                                delete message.list;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.after_position = value;
                            else
                                delete message.after_position;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.limit = value;
                            else
                                delete message.limit;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return GetListRequest;
        })();

        v1.GetListResponse = (function() {

            var GetListResponse = function (properties) {
                this.lists = [];
                this.entries = [];
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            GetListResponse.prototype.lists = $util.emptyArray;
            GetListResponse.prototype.entries = $util.emptyArray;
            GetListResponse.prototype.next_position = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            GetListResponse.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.lists != null && message.lists.length)
                    for (var i = 0; i < message.lists.length; ++i)
                        $root.harrier.v1.ListSummary.encode(message.lists[i], writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.entries != null && message.entries.length)
                    for (var i = 0; i < message.entries.length; ++i)
                        $root.harrier.v1.ListEntry.encode(message.entries[i], writer.uint32(18).fork(), _depth + 1).ldelim();
                if (message.next_position != null && $Object.hasOwnProperty.call(message, "next_position") && (typeof message.next_position === "object" ? message.next_position.low || message.next_position.high : message.next_position !== 0))
                    writer.uint32(24).uint64(message.next_position);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            GetListResponse.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.GetListResponse();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if (!(message.lists && message.lists.length))
                                message.lists = [];
                            message.lists.push($root.harrier.v1.ListSummary.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if (!(message.entries && message.entries.length))
                                message.entries = [];
                            message.entries.push($root.harrier.v1.ListEntry.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.next_position = value;
                            else
                                delete message.next_position;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return GetListResponse;
        })();

        v1.ListSummary = (function() {

            var ListSummary = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ListSummary.prototype.list = "";
            ListSummary.prototype.type = "";
            ListSummary.prototype.about = "";
            ListSummary.prototype.declared = false;
            ListSummary.prototype.runtime = false;
            ListSummary.prototype.file = "";
            ListSummary.prototype.policy_entries = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ListSummary.prototype.added_entries = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ListSummary.prototype.used_entries = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ListSummary.prototype.changes = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ListSummary.prototype.last_change_time_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;

            ListSummary.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.list != null && $Object.hasOwnProperty.call(message, "list") && message.list !== "")
                    writer.uint32(10).string(message.list);
                if (message.type != null && $Object.hasOwnProperty.call(message, "type") && message.type !== "")
                    writer.uint32(18).string(message.type);
                if (message.about != null && $Object.hasOwnProperty.call(message, "about") && message.about !== "")
                    writer.uint32(26).string(message.about);
                if (message.declared != null && $Object.hasOwnProperty.call(message, "declared") && message.declared !== false)
                    writer.uint32(32).bool(message.declared);
                if (message.runtime != null && $Object.hasOwnProperty.call(message, "runtime") && message.runtime !== false)
                    writer.uint32(40).bool(message.runtime);
                if (message.file != null && $Object.hasOwnProperty.call(message, "file") && message.file !== "")
                    writer.uint32(50).string(message.file);
                if (message.policy_entries != null && $Object.hasOwnProperty.call(message, "policy_entries") && (typeof message.policy_entries === "object" ? message.policy_entries.low || message.policy_entries.high : message.policy_entries !== 0))
                    writer.uint32(56).uint64(message.policy_entries);
                if (message.added_entries != null && $Object.hasOwnProperty.call(message, "added_entries") && (typeof message.added_entries === "object" ? message.added_entries.low || message.added_entries.high : message.added_entries !== 0))
                    writer.uint32(64).uint64(message.added_entries);
                if (message.used_entries != null && $Object.hasOwnProperty.call(message, "used_entries") && (typeof message.used_entries === "object" ? message.used_entries.low || message.used_entries.high : message.used_entries !== 0))
                    writer.uint32(72).uint64(message.used_entries);
                if (message.changes != null && $Object.hasOwnProperty.call(message, "changes") && (typeof message.changes === "object" ? message.changes.low || message.changes.high : message.changes !== 0))
                    writer.uint32(80).uint64(message.changes);
                if (message.last_change_time_us != null && $Object.hasOwnProperty.call(message, "last_change_time_us") && (typeof message.last_change_time_us === "object" ? message.last_change_time_us.low || message.last_change_time_us.high : message.last_change_time_us !== 0))
                    writer.uint32(88).int64(message.last_change_time_us);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ListSummary.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.ListSummary();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.list = value;
                            else
                                delete message.list;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.type = value;
                            else
                                delete message.type;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.about = value;
                            else
                                delete message.about;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.declared = value;
                            else
                                delete message.declared;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.runtime = value;
                            else
                                delete message.runtime;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.file = value;
                            else
                                delete message.file;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.policy_entries = value;
                            else
                                delete message.policy_entries;
                            continue;
                        }
                    case 8: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.added_entries = value;
                            else
                                delete message.added_entries;
                            continue;
                        }
                    case 9: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.used_entries = value;
                            else
                                delete message.used_entries;
                            continue;
                        }
                    case 10: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.changes = value;
                            else
                                delete message.changes;
                            continue;
                        }
                    case 11: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.last_change_time_us = value;
                            else
                                delete message.last_change_time_us;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ListSummary;
        })();

        v1.ListEntry = (function() {

            var ListEntry = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ListEntry.prototype.value = "";
            ListEntry.prototype.expiry_time_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            ListEntry.prototype.position = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ListEntry.prototype.receive_time_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            ListEntry.prototype.source = "";
            ListEntry.prototype.reason = "";

            ListEntry.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.value != null && $Object.hasOwnProperty.call(message, "value") && message.value !== "")
                    writer.uint32(10).string(message.value);
                if (message.expiry_time_us != null && $Object.hasOwnProperty.call(message, "expiry_time_us") && (typeof message.expiry_time_us === "object" ? message.expiry_time_us.low || message.expiry_time_us.high : message.expiry_time_us !== 0))
                    writer.uint32(16).int64(message.expiry_time_us);
                if (message.position != null && $Object.hasOwnProperty.call(message, "position") && (typeof message.position === "object" ? message.position.low || message.position.high : message.position !== 0))
                    writer.uint32(24).uint64(message.position);
                if (message.receive_time_us != null && $Object.hasOwnProperty.call(message, "receive_time_us") && (typeof message.receive_time_us === "object" ? message.receive_time_us.low || message.receive_time_us.high : message.receive_time_us !== 0))
                    writer.uint32(32).int64(message.receive_time_us);
                if (message.source != null && $Object.hasOwnProperty.call(message, "source") && message.source !== "")
                    writer.uint32(42).string(message.source);
                if (message.reason != null && $Object.hasOwnProperty.call(message, "reason") && message.reason !== "")
                    writer.uint32(50).string(message.reason);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ListEntry.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.ListEntry();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.value = value;
                            else
                                delete message.value;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.expiry_time_us = value;
                            else
                                delete message.expiry_time_us;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.position = value;
                            else
                                delete message.position;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.receive_time_us = value;
                            else
                                delete message.receive_time_us;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.source = value;
                            else
                                delete message.source;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.reason = value;
                            else
                                delete message.reason;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ListEntry;
        })();

        v1.ChangeBrakeRequest = (function() {

            var ChangeBrakeRequest = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ChangeBrakeRequest.prototype.rule = "";
            ChangeBrakeRequest.prototype.policy = false;
            ChangeBrakeRequest.prototype.pull = false;
            ChangeBrakeRequest.prototype.definition = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ChangeBrakeRequest.prototype.source = "";
            ChangeBrakeRequest.prototype.reason = "";

            ChangeBrakeRequest.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.rule != null && $Object.hasOwnProperty.call(message, "rule") && message.rule !== "")
                    writer.uint32(10).string(message.rule);
                if (message.policy != null && $Object.hasOwnProperty.call(message, "policy") && message.policy !== false)
                    writer.uint32(16).bool(message.policy);
                if (message.pull != null && $Object.hasOwnProperty.call(message, "pull") && message.pull !== false)
                    writer.uint32(24).bool(message.pull);
                if (message.definition != null && $Object.hasOwnProperty.call(message, "definition") && (typeof message.definition === "object" ? message.definition.low || message.definition.high : message.definition !== 0))
                    writer.uint32(33).fixed64(message.definition);
                if (message.source != null && $Object.hasOwnProperty.call(message, "source") && message.source !== "")
                    writer.uint32(42).string(message.source);
                if (message.reason != null && $Object.hasOwnProperty.call(message, "reason") && message.reason !== "")
                    writer.uint32(50).string(message.reason);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ChangeBrakeRequest.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.ChangeBrakeRequest();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.rule = value;
                            else
                                delete message.rule;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.policy = value;
                            else
                                delete message.policy;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.pull = value;
                            else
                                delete message.pull;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 1)
                                break;
                            if (typeof (value = reader.fixed64()) === "object" ? value.low || value.high : value !== 0)
                                message.definition = value;
                            else
                                delete message.definition;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.source = value;
                            else
                                delete message.source;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.reason = value;
                            else
                                delete message.reason;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ChangeBrakeRequest;
        })();

        v1.ChangeBrakeResponse = (function() {

            var ChangeBrakeResponse = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ChangeBrakeResponse.prototype.changed = false;
            ChangeBrakeResponse.prototype.position = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ChangeBrakeResponse.prototype.definition = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            ChangeBrakeResponse.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.changed != null && $Object.hasOwnProperty.call(message, "changed") && message.changed !== false)
                    writer.uint32(8).bool(message.changed);
                if (message.position != null && $Object.hasOwnProperty.call(message, "position") && (typeof message.position === "object" ? message.position.low || message.position.high : message.position !== 0))
                    writer.uint32(16).uint64(message.position);
                if (message.definition != null && $Object.hasOwnProperty.call(message, "definition") && (typeof message.definition === "object" ? message.definition.low || message.definition.high : message.definition !== 0))
                    writer.uint32(25).fixed64(message.definition);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ChangeBrakeResponse.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.ChangeBrakeResponse();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.changed = value;
                            else
                                delete message.changed;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.position = value;
                            else
                                delete message.position;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 1)
                                break;
                            if (typeof (value = reader.fixed64()) === "object" ? value.low || value.high : value !== 0)
                                message.definition = value;
                            else
                                delete message.definition;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ChangeBrakeResponse;
        })();

        v1.Brake = (function() {

            var Brake = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Brake.prototype.rule = "";
            Brake.prototype.definition = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            Brake.prototype.applies = false;
            Brake.prototype.pulled_time_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            Brake.prototype.position = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            Brake.prototype.source = "";
            Brake.prototype.reason = "";

            Brake.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.rule != null && $Object.hasOwnProperty.call(message, "rule") && message.rule !== "")
                    writer.uint32(10).string(message.rule);
                if (message.definition != null && $Object.hasOwnProperty.call(message, "definition") && (typeof message.definition === "object" ? message.definition.low || message.definition.high : message.definition !== 0))
                    writer.uint32(17).fixed64(message.definition);
                if (message.applies != null && $Object.hasOwnProperty.call(message, "applies") && message.applies !== false)
                    writer.uint32(24).bool(message.applies);
                if (message.pulled_time_us != null && $Object.hasOwnProperty.call(message, "pulled_time_us") && (typeof message.pulled_time_us === "object" ? message.pulled_time_us.low || message.pulled_time_us.high : message.pulled_time_us !== 0))
                    writer.uint32(32).int64(message.pulled_time_us);
                if (message.position != null && $Object.hasOwnProperty.call(message, "position") && (typeof message.position === "object" ? message.position.low || message.position.high : message.position !== 0))
                    writer.uint32(40).uint64(message.position);
                if (message.source != null && $Object.hasOwnProperty.call(message, "source") && message.source !== "")
                    writer.uint32(50).string(message.source);
                if (message.reason != null && $Object.hasOwnProperty.call(message, "reason") && message.reason !== "")
                    writer.uint32(58).string(message.reason);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Brake.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.Brake();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.rule = value;
                            else
                                delete message.rule;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 1)
                                break;
                            if (typeof (value = reader.fixed64()) === "object" ? value.low || value.high : value !== 0)
                                message.definition = value;
                            else
                                delete message.definition;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.applies = value;
                            else
                                delete message.applies;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.pulled_time_us = value;
                            else
                                delete message.pulled_time_us;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.position = value;
                            else
                                delete message.position;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.source = value;
                            else
                                delete message.source;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.reason = value;
                            else
                                delete message.reason;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Brake;
        })();

        v1.StatusRequest = (function() {

            var StatusRequest = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            StatusRequest.prototype.state_hash = false;

            StatusRequest.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.state_hash != null && $Object.hasOwnProperty.call(message, "state_hash") && message.state_hash !== false)
                    writer.uint32(8).bool(message.state_hash);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            StatusRequest.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.StatusRequest();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.state_hash = value;
                            else
                                delete message.state_hash;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return StatusRequest;
        })();

        v1.StatusResponse = (function() {

            var StatusResponse = function (properties) {
                this.warming_features = [];
                this.warming_rules = [];
                this.labels = [];
                this.brakes = [];
                this.sources = [];
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            StatusResponse.prototype.version = "";
            StatusResponse.prototype.state = "";
            StatusResponse.prototype.state_reason = "";
            StatusResponse.prototype.started_time_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            StatusResponse.prototype.policy_name = "";
            StatusResponse.prototype.snapshot_id = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            StatusResponse.prototype.reload_error = "";
            StatusResponse.prototype.refused_since_time_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            StatusResponse.prototype.generation_id = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            StatusResponse.prototype.generation_position = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            StatusResponse.prototype.generation_time_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            StatusResponse.prototype.stale = false;
            StatusResponse.prototype.warming_features = $util.emptyArray;
            StatusResponse.prototype.warming_feature_count = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            StatusResponse.prototype.warming_rules = $util.emptyArray;
            StatusResponse.prototype.warming_rule_count = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            StatusResponse.prototype.ids_since_time_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            StatusResponse.prototype.position = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            StatusResponse.prototype.synced_position = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            StatusResponse.prototype.transactions = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            StatusResponse.prototype.outcomes = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            StatusResponse.prototype.labels = $util.emptyArray;
            StatusResponse.prototype.newest_event_time_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            StatusResponse.prototype.overlay_entities = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            StatusResponse.prototype.overlay_bytes = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            StatusResponse.prototype.overlay_memory_bytes = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            StatusResponse.prototype.state_hash = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            StatusResponse.prototype.duplicates = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            StatusResponse.prototype.rejected = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            StatusResponse.prototype.swap_state = "";
            StatusResponse.prototype.swap_reason = "";
            StatusResponse.prototype.compared_entities = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            StatusResponse.prototype.differing_entities = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            StatusResponse.prototype.node = "";
            StatusResponse.prototype.primary = "";
            StatusResponse.prototype.committed_position = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            StatusResponse.prototype.brakes = $util.emptyArray;
            StatusResponse.prototype.brake_count = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            StatusResponse.prototype.sources = $util.emptyArray;
            StatusResponse.prototype.other_source_transactions = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            StatusResponse.prototype.experiment = null;
            StatusResponse.prototype.challenger_error = "";
            StatusResponse.prototype.backup_time_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            StatusResponse.prototype.backup_position = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            StatusResponse.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.version != null && $Object.hasOwnProperty.call(message, "version") && message.version !== "")
                    writer.uint32(10).string(message.version);
                if (message.state != null && $Object.hasOwnProperty.call(message, "state") && message.state !== "")
                    writer.uint32(18).string(message.state);
                if (message.state_reason != null && $Object.hasOwnProperty.call(message, "state_reason") && message.state_reason !== "")
                    writer.uint32(26).string(message.state_reason);
                if (message.started_time_us != null && $Object.hasOwnProperty.call(message, "started_time_us") && (typeof message.started_time_us === "object" ? message.started_time_us.low || message.started_time_us.high : message.started_time_us !== 0))
                    writer.uint32(32).int64(message.started_time_us);
                if (message.policy_name != null && $Object.hasOwnProperty.call(message, "policy_name") && message.policy_name !== "")
                    writer.uint32(82).string(message.policy_name);
                if (message.snapshot_id != null && $Object.hasOwnProperty.call(message, "snapshot_id") && (typeof message.snapshot_id === "object" ? message.snapshot_id.low || message.snapshot_id.high : message.snapshot_id !== 0))
                    writer.uint32(89).fixed64(message.snapshot_id);
                if (message.reload_error != null && $Object.hasOwnProperty.call(message, "reload_error") && message.reload_error !== "")
                    writer.uint32(98).string(message.reload_error);
                if (message.refused_since_time_us != null && $Object.hasOwnProperty.call(message, "refused_since_time_us") && (typeof message.refused_since_time_us === "object" ? message.refused_since_time_us.low || message.refused_since_time_us.high : message.refused_since_time_us !== 0))
                    writer.uint32(104).int64(message.refused_since_time_us);
                if (message.generation_id != null && $Object.hasOwnProperty.call(message, "generation_id") && (typeof message.generation_id === "object" ? message.generation_id.low || message.generation_id.high : message.generation_id !== 0))
                    writer.uint32(161).fixed64(message.generation_id);
                if (message.generation_position != null && $Object.hasOwnProperty.call(message, "generation_position") && (typeof message.generation_position === "object" ? message.generation_position.low || message.generation_position.high : message.generation_position !== 0))
                    writer.uint32(168).uint64(message.generation_position);
                if (message.generation_time_us != null && $Object.hasOwnProperty.call(message, "generation_time_us") && (typeof message.generation_time_us === "object" ? message.generation_time_us.low || message.generation_time_us.high : message.generation_time_us !== 0))
                    writer.uint32(176).int64(message.generation_time_us);
                if (message.stale != null && $Object.hasOwnProperty.call(message, "stale") && message.stale !== false)
                    writer.uint32(184).bool(message.stale);
                if (message.warming_features != null && message.warming_features.length)
                    for (var i = 0; i < message.warming_features.length; ++i)
                        writer.uint32(194).string(message.warming_features[i]);
                if (message.warming_feature_count != null && $Object.hasOwnProperty.call(message, "warming_feature_count") && (typeof message.warming_feature_count === "object" ? message.warming_feature_count.low || message.warming_feature_count.high : message.warming_feature_count !== 0))
                    writer.uint32(200).uint64(message.warming_feature_count);
                if (message.warming_rules != null && message.warming_rules.length)
                    for (var i = 0; i < message.warming_rules.length; ++i)
                        writer.uint32(210).string(message.warming_rules[i]);
                if (message.warming_rule_count != null && $Object.hasOwnProperty.call(message, "warming_rule_count") && (typeof message.warming_rule_count === "object" ? message.warming_rule_count.low || message.warming_rule_count.high : message.warming_rule_count !== 0))
                    writer.uint32(216).uint64(message.warming_rule_count);
                if (message.ids_since_time_us != null && $Object.hasOwnProperty.call(message, "ids_since_time_us") && (typeof message.ids_since_time_us === "object" ? message.ids_since_time_us.low || message.ids_since_time_us.high : message.ids_since_time_us !== 0))
                    writer.uint32(224).int64(message.ids_since_time_us);
                if (message.position != null && $Object.hasOwnProperty.call(message, "position") && (typeof message.position === "object" ? message.position.low || message.position.high : message.position !== 0))
                    writer.uint32(240).uint64(message.position);
                if (message.synced_position != null && $Object.hasOwnProperty.call(message, "synced_position") && (typeof message.synced_position === "object" ? message.synced_position.low || message.synced_position.high : message.synced_position !== 0))
                    writer.uint32(248).uint64(message.synced_position);
                if (message.transactions != null && $Object.hasOwnProperty.call(message, "transactions") && (typeof message.transactions === "object" ? message.transactions.low || message.transactions.high : message.transactions !== 0))
                    writer.uint32(256).uint64(message.transactions);
                if (message.outcomes != null && $Object.hasOwnProperty.call(message, "outcomes") && (typeof message.outcomes === "object" ? message.outcomes.low || message.outcomes.high : message.outcomes !== 0))
                    writer.uint32(264).uint64(message.outcomes);
                if (message.labels != null && message.labels.length)
                    for (var i = 0; i < message.labels.length; ++i)
                        $root.harrier.v1.LabelCount.encode(message.labels[i], writer.uint32(274).fork(), _depth + 1).ldelim();
                if (message.newest_event_time_us != null && $Object.hasOwnProperty.call(message, "newest_event_time_us") && (typeof message.newest_event_time_us === "object" ? message.newest_event_time_us.low || message.newest_event_time_us.high : message.newest_event_time_us !== 0))
                    writer.uint32(280).int64(message.newest_event_time_us);
                if (message.overlay_entities != null && $Object.hasOwnProperty.call(message, "overlay_entities") && (typeof message.overlay_entities === "object" ? message.overlay_entities.low || message.overlay_entities.high : message.overlay_entities !== 0))
                    writer.uint32(320).uint64(message.overlay_entities);
                if (message.overlay_bytes != null && $Object.hasOwnProperty.call(message, "overlay_bytes") && (typeof message.overlay_bytes === "object" ? message.overlay_bytes.low || message.overlay_bytes.high : message.overlay_bytes !== 0))
                    writer.uint32(328).uint64(message.overlay_bytes);
                if (message.state_hash != null && $Object.hasOwnProperty.call(message, "state_hash") && (typeof message.state_hash === "object" ? message.state_hash.low || message.state_hash.high : message.state_hash !== 0))
                    writer.uint32(337).fixed64(message.state_hash);
                if (message.overlay_memory_bytes != null && $Object.hasOwnProperty.call(message, "overlay_memory_bytes") && (typeof message.overlay_memory_bytes === "object" ? message.overlay_memory_bytes.low || message.overlay_memory_bytes.high : message.overlay_memory_bytes !== 0))
                    writer.uint32(344).uint64(message.overlay_memory_bytes);
                if (message.duplicates != null && $Object.hasOwnProperty.call(message, "duplicates") && (typeof message.duplicates === "object" ? message.duplicates.low || message.duplicates.high : message.duplicates !== 0))
                    writer.uint32(400).uint64(message.duplicates);
                if (message.rejected != null && $Object.hasOwnProperty.call(message, "rejected") && (typeof message.rejected === "object" ? message.rejected.low || message.rejected.high : message.rejected !== 0))
                    writer.uint32(408).uint64(message.rejected);
                if (message.swap_state != null && $Object.hasOwnProperty.call(message, "swap_state") && message.swap_state !== "")
                    writer.uint32(482).string(message.swap_state);
                if (message.swap_reason != null && $Object.hasOwnProperty.call(message, "swap_reason") && message.swap_reason !== "")
                    writer.uint32(490).string(message.swap_reason);
                if (message.compared_entities != null && $Object.hasOwnProperty.call(message, "compared_entities") && (typeof message.compared_entities === "object" ? message.compared_entities.low || message.compared_entities.high : message.compared_entities !== 0))
                    writer.uint32(496).uint64(message.compared_entities);
                if (message.differing_entities != null && $Object.hasOwnProperty.call(message, "differing_entities") && (typeof message.differing_entities === "object" ? message.differing_entities.low || message.differing_entities.high : message.differing_entities !== 0))
                    writer.uint32(504).uint64(message.differing_entities);
                if (message.node != null && $Object.hasOwnProperty.call(message, "node") && message.node !== "")
                    writer.uint32(562).string(message.node);
                if (message.primary != null && $Object.hasOwnProperty.call(message, "primary") && message.primary !== "")
                    writer.uint32(570).string(message.primary);
                if (message.committed_position != null && $Object.hasOwnProperty.call(message, "committed_position") && (typeof message.committed_position === "object" ? message.committed_position.low || message.committed_position.high : message.committed_position !== 0))
                    writer.uint32(576).uint64(message.committed_position);
                if (message.brakes != null && message.brakes.length)
                    for (var i = 0; i < message.brakes.length; ++i)
                        $root.harrier.v1.Brake.encode(message.brakes[i], writer.uint32(642).fork(), _depth + 1).ldelim();
                if (message.brake_count != null && $Object.hasOwnProperty.call(message, "brake_count") && (typeof message.brake_count === "object" ? message.brake_count.low || message.brake_count.high : message.brake_count !== 0))
                    writer.uint32(648).uint64(message.brake_count);
                if (message.sources != null && message.sources.length)
                    for (var i = 0; i < message.sources.length; ++i)
                        $root.harrier.v1.SourceStatus.encode(message.sources[i], writer.uint32(722).fork(), _depth + 1).ldelim();
                if (message.other_source_transactions != null && $Object.hasOwnProperty.call(message, "other_source_transactions") && (typeof message.other_source_transactions === "object" ? message.other_source_transactions.low || message.other_source_transactions.high : message.other_source_transactions !== 0))
                    writer.uint32(728).uint64(message.other_source_transactions);
                if (message.experiment != null && $Object.hasOwnProperty.call(message, "experiment"))
                    $root.harrier.v1.Experiment.encode(message.experiment, writer.uint32(738).fork(), _depth + 1).ldelim();
                if (message.challenger_error != null && $Object.hasOwnProperty.call(message, "challenger_error") && message.challenger_error !== "")
                    writer.uint32(746).string(message.challenger_error);
                if (message.backup_time_us != null && $Object.hasOwnProperty.call(message, "backup_time_us") && (typeof message.backup_time_us === "object" ? message.backup_time_us.low || message.backup_time_us.high : message.backup_time_us !== 0))
                    writer.uint32(800).int64(message.backup_time_us);
                if (message.backup_position != null && $Object.hasOwnProperty.call(message, "backup_position") && (typeof message.backup_position === "object" ? message.backup_position.low || message.backup_position.high : message.backup_position !== 0))
                    writer.uint32(808).uint64(message.backup_position);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            StatusResponse.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.StatusResponse();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.version = value;
                            else
                                delete message.version;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.state = value;
                            else
                                delete message.state;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.state_reason = value;
                            else
                                delete message.state_reason;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.started_time_us = value;
                            else
                                delete message.started_time_us;
                            continue;
                        }
                    case 10: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.policy_name = value;
                            else
                                delete message.policy_name;
                            continue;
                        }
                    case 11: {
                            if (wireType !== 1)
                                break;
                            if (typeof (value = reader.fixed64()) === "object" ? value.low || value.high : value !== 0)
                                message.snapshot_id = value;
                            else
                                delete message.snapshot_id;
                            continue;
                        }
                    case 12: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.reload_error = value;
                            else
                                delete message.reload_error;
                            continue;
                        }
                    case 13: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.refused_since_time_us = value;
                            else
                                delete message.refused_since_time_us;
                            continue;
                        }
                    case 20: {
                            if (wireType !== 1)
                                break;
                            if (typeof (value = reader.fixed64()) === "object" ? value.low || value.high : value !== 0)
                                message.generation_id = value;
                            else
                                delete message.generation_id;
                            continue;
                        }
                    case 21: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.generation_position = value;
                            else
                                delete message.generation_position;
                            continue;
                        }
                    case 22: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.generation_time_us = value;
                            else
                                delete message.generation_time_us;
                            continue;
                        }
                    case 23: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.stale = value;
                            else
                                delete message.stale;
                            continue;
                        }
                    case 24: {
                            if (wireType !== 2)
                                break;
                            if (!(message.warming_features && message.warming_features.length))
                                message.warming_features = [];
                            message.warming_features.push(reader.stringVerify());
                            continue;
                        }
                    case 25: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.warming_feature_count = value;
                            else
                                delete message.warming_feature_count;
                            continue;
                        }
                    case 26: {
                            if (wireType !== 2)
                                break;
                            if (!(message.warming_rules && message.warming_rules.length))
                                message.warming_rules = [];
                            message.warming_rules.push(reader.stringVerify());
                            continue;
                        }
                    case 27: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.warming_rule_count = value;
                            else
                                delete message.warming_rule_count;
                            continue;
                        }
                    case 28: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.ids_since_time_us = value;
                            else
                                delete message.ids_since_time_us;
                            continue;
                        }
                    case 30: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.position = value;
                            else
                                delete message.position;
                            continue;
                        }
                    case 31: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.synced_position = value;
                            else
                                delete message.synced_position;
                            continue;
                        }
                    case 32: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.transactions = value;
                            else
                                delete message.transactions;
                            continue;
                        }
                    case 33: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.outcomes = value;
                            else
                                delete message.outcomes;
                            continue;
                        }
                    case 34: {
                            if (wireType !== 2)
                                break;
                            if (!(message.labels && message.labels.length))
                                message.labels = [];
                            message.labels.push($root.harrier.v1.LabelCount.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 35: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.newest_event_time_us = value;
                            else
                                delete message.newest_event_time_us;
                            continue;
                        }
                    case 40: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.overlay_entities = value;
                            else
                                delete message.overlay_entities;
                            continue;
                        }
                    case 41: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.overlay_bytes = value;
                            else
                                delete message.overlay_bytes;
                            continue;
                        }
                    case 43: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.overlay_memory_bytes = value;
                            else
                                delete message.overlay_memory_bytes;
                            continue;
                        }
                    case 42: {
                            if (wireType !== 1)
                                break;
                            if (typeof (value = reader.fixed64()) === "object" ? value.low || value.high : value !== 0)
                                message.state_hash = value;
                            else
                                delete message.state_hash;
                            continue;
                        }
                    case 50: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.duplicates = value;
                            else
                                delete message.duplicates;
                            continue;
                        }
                    case 51: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.rejected = value;
                            else
                                delete message.rejected;
                            continue;
                        }
                    case 60: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.swap_state = value;
                            else
                                delete message.swap_state;
                            continue;
                        }
                    case 61: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.swap_reason = value;
                            else
                                delete message.swap_reason;
                            continue;
                        }
                    case 62: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.compared_entities = value;
                            else
                                delete message.compared_entities;
                            continue;
                        }
                    case 63: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.differing_entities = value;
                            else
                                delete message.differing_entities;
                            continue;
                        }
                    case 70: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.node = value;
                            else
                                delete message.node;
                            continue;
                        }
                    case 71: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.primary = value;
                            else
                                delete message.primary;
                            continue;
                        }
                    case 72: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.committed_position = value;
                            else
                                delete message.committed_position;
                            continue;
                        }
                    case 80: {
                            if (wireType !== 2)
                                break;
                            if (!(message.brakes && message.brakes.length))
                                message.brakes = [];
                            message.brakes.push($root.harrier.v1.Brake.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 81: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.brake_count = value;
                            else
                                delete message.brake_count;
                            continue;
                        }
                    case 90: {
                            if (wireType !== 2)
                                break;
                            if (!(message.sources && message.sources.length))
                                message.sources = [];
                            message.sources.push($root.harrier.v1.SourceStatus.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 91: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.other_source_transactions = value;
                            else
                                delete message.other_source_transactions;
                            continue;
                        }
                    case 92: {
                            if (wireType !== 2)
                                break;
                            message.experiment = $root.harrier.v1.Experiment.decode(reader, reader.size(), $undefined, _depth + 1, message.experiment);
                            continue;
                        }
                    case 93: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.challenger_error = value;
                            else
                                delete message.challenger_error;
                            continue;
                        }
                    case 100: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.backup_time_us = value;
                            else
                                delete message.backup_time_us;
                            continue;
                        }
                    case 101: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.backup_position = value;
                            else
                                delete message.backup_position;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return StatusResponse;
        })();

        v1.SourceStatus = (function() {

            var SourceStatus = function (properties) {
                this.missing = [];
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            SourceStatus.prototype.source = "";
            SourceStatus.prototype.transactions = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            SourceStatus.prototype.last_receive_time_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            SourceStatus.prototype.first = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            SourceStatus.prototype.highest = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            SourceStatus.prototype.gaps = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            SourceStatus.prototype.missed = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            SourceStatus.prototype.late = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            SourceStatus.prototype.repeats = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            SourceStatus.prototype.restarts = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            SourceStatus.prototype.missing = $util.emptyArray;

            SourceStatus.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.source != null && $Object.hasOwnProperty.call(message, "source") && message.source !== "")
                    writer.uint32(10).string(message.source);
                if (message.transactions != null && $Object.hasOwnProperty.call(message, "transactions") && (typeof message.transactions === "object" ? message.transactions.low || message.transactions.high : message.transactions !== 0))
                    writer.uint32(16).uint64(message.transactions);
                if (message.last_receive_time_us != null && $Object.hasOwnProperty.call(message, "last_receive_time_us") && (typeof message.last_receive_time_us === "object" ? message.last_receive_time_us.low || message.last_receive_time_us.high : message.last_receive_time_us !== 0))
                    writer.uint32(24).int64(message.last_receive_time_us);
                if (message.first != null && $Object.hasOwnProperty.call(message, "first") && (typeof message.first === "object" ? message.first.low || message.first.high : message.first !== 0))
                    writer.uint32(32).uint64(message.first);
                if (message.highest != null && $Object.hasOwnProperty.call(message, "highest") && (typeof message.highest === "object" ? message.highest.low || message.highest.high : message.highest !== 0))
                    writer.uint32(40).uint64(message.highest);
                if (message.gaps != null && $Object.hasOwnProperty.call(message, "gaps") && (typeof message.gaps === "object" ? message.gaps.low || message.gaps.high : message.gaps !== 0))
                    writer.uint32(48).uint64(message.gaps);
                if (message.missed != null && $Object.hasOwnProperty.call(message, "missed") && (typeof message.missed === "object" ? message.missed.low || message.missed.high : message.missed !== 0))
                    writer.uint32(56).uint64(message.missed);
                if (message.late != null && $Object.hasOwnProperty.call(message, "late") && (typeof message.late === "object" ? message.late.low || message.late.high : message.late !== 0))
                    writer.uint32(64).uint64(message.late);
                if (message.repeats != null && $Object.hasOwnProperty.call(message, "repeats") && (typeof message.repeats === "object" ? message.repeats.low || message.repeats.high : message.repeats !== 0))
                    writer.uint32(72).uint64(message.repeats);
                if (message.restarts != null && $Object.hasOwnProperty.call(message, "restarts") && (typeof message.restarts === "object" ? message.restarts.low || message.restarts.high : message.restarts !== 0))
                    writer.uint32(80).uint64(message.restarts);
                if (message.missing != null && message.missing.length)
                    for (var i = 0; i < message.missing.length; ++i)
                        $root.harrier.v1.SourceRange.encode(message.missing[i], writer.uint32(90).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            SourceStatus.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.SourceStatus();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.source = value;
                            else
                                delete message.source;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.transactions = value;
                            else
                                delete message.transactions;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.last_receive_time_us = value;
                            else
                                delete message.last_receive_time_us;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.first = value;
                            else
                                delete message.first;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.highest = value;
                            else
                                delete message.highest;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.gaps = value;
                            else
                                delete message.gaps;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.missed = value;
                            else
                                delete message.missed;
                            continue;
                        }
                    case 8: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.late = value;
                            else
                                delete message.late;
                            continue;
                        }
                    case 9: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.repeats = value;
                            else
                                delete message.repeats;
                            continue;
                        }
                    case 10: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.restarts = value;
                            else
                                delete message.restarts;
                            continue;
                        }
                    case 11: {
                            if (wireType !== 2)
                                break;
                            if (!(message.missing && message.missing.length))
                                message.missing = [];
                            message.missing.push($root.harrier.v1.SourceRange.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return SourceStatus;
        })();

        v1.SourceRange = (function() {

            var SourceRange = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            SourceRange.prototype.first = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            SourceRange.prototype.last = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            SourceRange.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.first != null && $Object.hasOwnProperty.call(message, "first") && (typeof message.first === "object" ? message.first.low || message.first.high : message.first !== 0))
                    writer.uint32(8).uint64(message.first);
                if (message.last != null && $Object.hasOwnProperty.call(message, "last") && (typeof message.last === "object" ? message.last.low || message.last.high : message.last !== 0))
                    writer.uint32(16).uint64(message.last);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            SourceRange.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.SourceRange();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.first = value;
                            else
                                delete message.first;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.last = value;
                            else
                                delete message.last;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return SourceRange;
        })();

        v1.Experiment = (function() {

            var Experiment = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Experiment.prototype.name = "";
            Experiment.prototype.key = "";
            Experiment.prototype.share_e4 = 0;
            Experiment.prototype.policy_name = "";
            Experiment.prototype.snapshot_id = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            Experiment.prototype.position = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            Experiment.prototype.since_time_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            Experiment.prototype.champion_decisions = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            Experiment.prototype.challenger_decisions = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            Experiment.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.name != null && $Object.hasOwnProperty.call(message, "name") && message.name !== "")
                    writer.uint32(10).string(message.name);
                if (message.key != null && $Object.hasOwnProperty.call(message, "key") && message.key !== "")
                    writer.uint32(18).string(message.key);
                if (message.share_e4 != null && $Object.hasOwnProperty.call(message, "share_e4") && message.share_e4 !== 0)
                    writer.uint32(24).uint32(message.share_e4);
                if (message.policy_name != null && $Object.hasOwnProperty.call(message, "policy_name") && message.policy_name !== "")
                    writer.uint32(34).string(message.policy_name);
                if (message.snapshot_id != null && $Object.hasOwnProperty.call(message, "snapshot_id") && (typeof message.snapshot_id === "object" ? message.snapshot_id.low || message.snapshot_id.high : message.snapshot_id !== 0))
                    writer.uint32(41).fixed64(message.snapshot_id);
                if (message.position != null && $Object.hasOwnProperty.call(message, "position") && (typeof message.position === "object" ? message.position.low || message.position.high : message.position !== 0))
                    writer.uint32(48).uint64(message.position);
                if (message.since_time_us != null && $Object.hasOwnProperty.call(message, "since_time_us") && (typeof message.since_time_us === "object" ? message.since_time_us.low || message.since_time_us.high : message.since_time_us !== 0))
                    writer.uint32(56).int64(message.since_time_us);
                if (message.champion_decisions != null && $Object.hasOwnProperty.call(message, "champion_decisions") && (typeof message.champion_decisions === "object" ? message.champion_decisions.low || message.champion_decisions.high : message.champion_decisions !== 0))
                    writer.uint32(64).uint64(message.champion_decisions);
                if (message.challenger_decisions != null && $Object.hasOwnProperty.call(message, "challenger_decisions") && (typeof message.challenger_decisions === "object" ? message.challenger_decisions.low || message.challenger_decisions.high : message.challenger_decisions !== 0))
                    writer.uint32(72).uint64(message.challenger_decisions);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Experiment.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.Experiment();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.name = value;
                            else
                                delete message.name;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.key = value;
                            else
                                delete message.key;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.share_e4 = value;
                            else
                                delete message.share_e4;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.policy_name = value;
                            else
                                delete message.policy_name;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 1)
                                break;
                            if (typeof (value = reader.fixed64()) === "object" ? value.low || value.high : value !== 0)
                                message.snapshot_id = value;
                            else
                                delete message.snapshot_id;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.position = value;
                            else
                                delete message.position;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.since_time_us = value;
                            else
                                delete message.since_time_us;
                            continue;
                        }
                    case 8: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.champion_decisions = value;
                            else
                                delete message.champion_decisions;
                            continue;
                        }
                    case 9: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.challenger_decisions = value;
                            else
                                delete message.challenger_decisions;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Experiment;
        })();

        v1.LabelCount = (function() {

            var LabelCount = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            LabelCount.prototype.label = 0;
            LabelCount.prototype.transactions = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            LabelCount.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.label != null && $Object.hasOwnProperty.call(message, "label") && message.label !== 0)
                    writer.uint32(8).int32(message.label);
                if (message.transactions != null && $Object.hasOwnProperty.call(message, "transactions") && (typeof message.transactions === "object" ? message.transactions.low || message.transactions.high : message.transactions !== 0))
                    writer.uint32(16).uint64(message.transactions);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            LabelCount.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.LabelCount();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.label = value;
                            else
                                delete message.label;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.transactions = value;
                            else
                                delete message.transactions;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return LabelCount;
        })();

        v1.ReloadRequest = (function() {

            var ReloadRequest = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ReloadRequest.prototype.wait = false;

            ReloadRequest.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.wait != null && $Object.hasOwnProperty.call(message, "wait") && message.wait !== false)
                    writer.uint32(8).bool(message.wait);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ReloadRequest.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.ReloadRequest();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.wait = value;
                            else
                                delete message.wait;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ReloadRequest;
        })();

        v1.ReloadResponse = (function() {

            var ReloadResponse = function (properties) {
                this.warming_features = [];
                this.warming_rules = [];
                this.shadows = [];
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ReloadResponse.prototype.result = 0;
            ReloadResponse.prototype.policy_name = "";
            ReloadResponse.prototype.snapshot_id = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ReloadResponse.prototype.error = "";
            ReloadResponse.prototype.messages = "";
            ReloadResponse.prototype.warming_features = $util.emptyArray;
            ReloadResponse.prototype.warming_feature_count = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ReloadResponse.prototype.warming_rules = $util.emptyArray;
            ReloadResponse.prototype.warming_rule_count = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ReloadResponse.prototype.shadows = $util.emptyArray;

            ReloadResponse.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.result != null && $Object.hasOwnProperty.call(message, "result") && message.result !== 0)
                    writer.uint32(8).int32(message.result);
                if (message.policy_name != null && $Object.hasOwnProperty.call(message, "policy_name") && message.policy_name !== "")
                    writer.uint32(18).string(message.policy_name);
                if (message.snapshot_id != null && $Object.hasOwnProperty.call(message, "snapshot_id") && (typeof message.snapshot_id === "object" ? message.snapshot_id.low || message.snapshot_id.high : message.snapshot_id !== 0))
                    writer.uint32(25).fixed64(message.snapshot_id);
                if (message.error != null && $Object.hasOwnProperty.call(message, "error") && message.error !== "")
                    writer.uint32(34).string(message.error);
                if (message.messages != null && $Object.hasOwnProperty.call(message, "messages") && message.messages !== "")
                    writer.uint32(42).string(message.messages);
                if (message.warming_features != null && message.warming_features.length)
                    for (var i = 0; i < message.warming_features.length; ++i)
                        writer.uint32(50).string(message.warming_features[i]);
                if (message.warming_feature_count != null && $Object.hasOwnProperty.call(message, "warming_feature_count") && (typeof message.warming_feature_count === "object" ? message.warming_feature_count.low || message.warming_feature_count.high : message.warming_feature_count !== 0))
                    writer.uint32(56).uint64(message.warming_feature_count);
                if (message.warming_rules != null && message.warming_rules.length)
                    for (var i = 0; i < message.warming_rules.length; ++i)
                        writer.uint32(66).string(message.warming_rules[i]);
                if (message.warming_rule_count != null && $Object.hasOwnProperty.call(message, "warming_rule_count") && (typeof message.warming_rule_count === "object" ? message.warming_rule_count.low || message.warming_rule_count.high : message.warming_rule_count !== 0))
                    writer.uint32(72).uint64(message.warming_rule_count);
                if (message.shadows != null && message.shadows.length)
                    for (var i = 0; i < message.shadows.length; ++i)
                        $root.harrier.v1.ShadowReload.encode(message.shadows[i], writer.uint32(82).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ReloadResponse.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.ReloadResponse();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.result = value;
                            else
                                delete message.result;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.policy_name = value;
                            else
                                delete message.policy_name;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 1)
                                break;
                            if (typeof (value = reader.fixed64()) === "object" ? value.low || value.high : value !== 0)
                                message.snapshot_id = value;
                            else
                                delete message.snapshot_id;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.error = value;
                            else
                                delete message.error;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.messages = value;
                            else
                                delete message.messages;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 2)
                                break;
                            if (!(message.warming_features && message.warming_features.length))
                                message.warming_features = [];
                            message.warming_features.push(reader.stringVerify());
                            continue;
                        }
                    case 7: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.warming_feature_count = value;
                            else
                                delete message.warming_feature_count;
                            continue;
                        }
                    case 8: {
                            if (wireType !== 2)
                                break;
                            if (!(message.warming_rules && message.warming_rules.length))
                                message.warming_rules = [];
                            message.warming_rules.push(reader.stringVerify());
                            continue;
                        }
                    case 9: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.warming_rule_count = value;
                            else
                                delete message.warming_rule_count;
                            continue;
                        }
                    case 10: {
                            if (wireType !== 2)
                                break;
                            if (!(message.shadows && message.shadows.length))
                                message.shadows = [];
                            message.shadows.push($root.harrier.v1.ShadowReload.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ReloadResponse;
        })();

        v1.ReloadResult = (function() {
            var valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "RELOAD_UNSPECIFIED"] = 0;
            values[valuesById[1] = "RELOAD_ADOPTED"] = 1;
            values[valuesById[2] = "RELOAD_UNCHANGED"] = 2;
            values[valuesById[3] = "RELOAD_REFUSED"] = 3;
            return values;
        })();

        v1.ShadowReload = (function() {

            var ShadowReload = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ShadowReload.prototype.folder = "";
            ShadowReload.prototype.result = 0;
            ShadowReload.prototype.policy_name = "";
            ShadowReload.prototype.snapshot_id = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ShadowReload.prototype.error = "";
            ShadowReload.prototype.messages = "";

            ShadowReload.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.folder != null && $Object.hasOwnProperty.call(message, "folder") && message.folder !== "")
                    writer.uint32(10).string(message.folder);
                if (message.result != null && $Object.hasOwnProperty.call(message, "result") && message.result !== 0)
                    writer.uint32(16).int32(message.result);
                if (message.policy_name != null && $Object.hasOwnProperty.call(message, "policy_name") && message.policy_name !== "")
                    writer.uint32(26).string(message.policy_name);
                if (message.snapshot_id != null && $Object.hasOwnProperty.call(message, "snapshot_id") && (typeof message.snapshot_id === "object" ? message.snapshot_id.low || message.snapshot_id.high : message.snapshot_id !== 0))
                    writer.uint32(33).fixed64(message.snapshot_id);
                if (message.error != null && $Object.hasOwnProperty.call(message, "error") && message.error !== "")
                    writer.uint32(42).string(message.error);
                if (message.messages != null && $Object.hasOwnProperty.call(message, "messages") && message.messages !== "")
                    writer.uint32(50).string(message.messages);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ShadowReload.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.ShadowReload();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.folder = value;
                            else
                                delete message.folder;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.result = value;
                            else
                                delete message.result;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.policy_name = value;
                            else
                                delete message.policy_name;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 1)
                                break;
                            if (typeof (value = reader.fixed64()) === "object" ? value.low || value.high : value !== 0)
                                message.snapshot_id = value;
                            else
                                delete message.snapshot_id;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.error = value;
                            else
                                delete message.error;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.messages = value;
                            else
                                delete message.messages;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ShadowReload;
        })();

        v1.FindRequest = (function() {

            var FindRequest = function (properties) {
                this.verdicts = [];
                this.keys = [];
                this.labels = [];
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            FindRequest.prototype.from_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            FindRequest.prototype.until_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            FindRequest.prototype.received_from_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            FindRequest.prototype.received_until_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            FindRequest.prototype.verdicts = $util.emptyArray;
            FindRequest.prototype.score = null;
            FindRequest.prototype.amount = null;
            FindRequest.prototype.currency = "";
            FindRequest.prototype.rule = "";
            FindRequest.prototype.shadow = false;
            FindRequest.prototype.keys = $util.emptyArray;
            FindRequest.prototype.labels = $util.emptyArray;
            FindRequest.prototype.transaction_id = "";
            FindRequest.prototype.limit = 0;
            FindRequest.prototype.cursor = "";

            FindRequest.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.from_us != null && $Object.hasOwnProperty.call(message, "from_us") && (typeof message.from_us === "object" ? message.from_us.low || message.from_us.high : message.from_us !== 0))
                    writer.uint32(8).int64(message.from_us);
                if (message.until_us != null && $Object.hasOwnProperty.call(message, "until_us") && (typeof message.until_us === "object" ? message.until_us.low || message.until_us.high : message.until_us !== 0))
                    writer.uint32(16).int64(message.until_us);
                if (message.received_from_us != null && $Object.hasOwnProperty.call(message, "received_from_us") && (typeof message.received_from_us === "object" ? message.received_from_us.low || message.received_from_us.high : message.received_from_us !== 0))
                    writer.uint32(24).int64(message.received_from_us);
                if (message.received_until_us != null && $Object.hasOwnProperty.call(message, "received_until_us") && (typeof message.received_until_us === "object" ? message.received_until_us.low || message.received_until_us.high : message.received_until_us !== 0))
                    writer.uint32(32).int64(message.received_until_us);
                if (message.verdicts != null && message.verdicts.length)
                    writer.uint32(42).int32s(message.verdicts);
                if (message.score != null && $Object.hasOwnProperty.call(message, "score"))
                    $root.harrier.v1.ScoreRange.encode(message.score, writer.uint32(50).fork(), _depth + 1).ldelim();
                if (message.amount != null && $Object.hasOwnProperty.call(message, "amount"))
                    $root.harrier.v1.AmountRange.encode(message.amount, writer.uint32(58).fork(), _depth + 1).ldelim();
                if (message.currency != null && $Object.hasOwnProperty.call(message, "currency") && message.currency !== "")
                    writer.uint32(66).string(message.currency);
                if (message.rule != null && $Object.hasOwnProperty.call(message, "rule") && message.rule !== "")
                    writer.uint32(74).string(message.rule);
                if (message.shadow != null && $Object.hasOwnProperty.call(message, "shadow") && message.shadow !== false)
                    writer.uint32(80).bool(message.shadow);
                if (message.keys != null && message.keys.length)
                    for (var i = 0; i < message.keys.length; ++i)
                        $root.harrier.v1.FindKey.encode(message.keys[i], writer.uint32(90).fork(), _depth + 1).ldelim();
                if (message.labels != null && message.labels.length)
                    writer.uint32(98).int32s(message.labels);
                if (message.transaction_id != null && $Object.hasOwnProperty.call(message, "transaction_id") && message.transaction_id !== "")
                    writer.uint32(106).string(message.transaction_id);
                if (message.limit != null && $Object.hasOwnProperty.call(message, "limit") && message.limit !== 0)
                    writer.uint32(112).uint32(message.limit);
                if (message.cursor != null && $Object.hasOwnProperty.call(message, "cursor") && message.cursor !== "")
                    writer.uint32(122).string(message.cursor);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            FindRequest.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.FindRequest();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.from_us = value;
                            else
                                delete message.from_us;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.until_us = value;
                            else
                                delete message.until_us;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.received_from_us = value;
                            else
                                delete message.received_from_us;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.received_until_us = value;
                            else
                                delete message.received_until_us;
                            continue;
                        }
                    case 5: {
                            if (wireType === 2) {
                                if (!(message.verdicts && message.verdicts.length))
                                    message.verdicts = [];
                                reader.int32s(message.verdicts);
                                continue;
                            }
                            if (wireType !== 0)
                                break;
                            if (!(message.verdicts && message.verdicts.length))
                                message.verdicts = [];
                            message.verdicts.push(reader.int32());
                            continue;
                        }
                    case 6: {
                            if (wireType !== 2)
                                break;
                            message.score = $root.harrier.v1.ScoreRange.decode(reader, reader.size(), $undefined, _depth + 1, message.score);
                            continue;
                        }
                    case 7: {
                            if (wireType !== 2)
                                break;
                            message.amount = $root.harrier.v1.AmountRange.decode(reader, reader.size(), $undefined, _depth + 1, message.amount);
                            continue;
                        }
                    case 8: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.currency = value;
                            else
                                delete message.currency;
                            continue;
                        }
                    case 9: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.rule = value;
                            else
                                delete message.rule;
                            continue;
                        }
                    case 10: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.shadow = value;
                            else
                                delete message.shadow;
                            continue;
                        }
                    case 11: {
                            if (wireType !== 2)
                                break;
                            if (!(message.keys && message.keys.length))
                                message.keys = [];
                            message.keys.push($root.harrier.v1.FindKey.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 12: {
                            if (wireType === 2) {
                                if (!(message.labels && message.labels.length))
                                    message.labels = [];
                                reader.int32s(message.labels);
                                continue;
                            }
                            if (wireType !== 0)
                                break;
                            if (!(message.labels && message.labels.length))
                                message.labels = [];
                            message.labels.push(reader.int32());
                            continue;
                        }
                    case 13: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.transaction_id = value;
                            else
                                delete message.transaction_id;
                            continue;
                        }
                    case 14: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.limit = value;
                            else
                                delete message.limit;
                            continue;
                        }
                    case 15: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.cursor = value;
                            else
                                delete message.cursor;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return FindRequest;
        })();

        v1.ScoreRange = (function() {

            var ScoreRange = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ScoreRange.prototype.min = 0;
            ScoreRange.prototype.max = 0;

            ScoreRange.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.min != null && $Object.hasOwnProperty.call(message, "min") && message.min !== 0)
                    writer.uint32(8).uint32(message.min);
                if (message.max != null && $Object.hasOwnProperty.call(message, "max") && message.max !== 0)
                    writer.uint32(16).uint32(message.max);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ScoreRange.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.ScoreRange();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.min = value;
                            else
                                delete message.min;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.max = value;
                            else
                                delete message.max;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ScoreRange;
        })();

        v1.AmountRange = (function() {

            var AmountRange = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            AmountRange.prototype.min_minor = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            AmountRange.prototype.max_minor = $util.Long ? $util.Long.fromBits(0,0,false) : 0;

            AmountRange.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.min_minor != null && $Object.hasOwnProperty.call(message, "min_minor") && (typeof message.min_minor === "object" ? message.min_minor.low || message.min_minor.high : message.min_minor !== 0))
                    writer.uint32(8).int64(message.min_minor);
                if (message.max_minor != null && $Object.hasOwnProperty.call(message, "max_minor") && (typeof message.max_minor === "object" ? message.max_minor.low || message.max_minor.high : message.max_minor !== 0))
                    writer.uint32(16).int64(message.max_minor);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            AmountRange.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.AmountRange();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.min_minor = value;
                            else
                                delete message.min_minor;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.max_minor = value;
                            else
                                delete message.max_minor;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return AmountRange;
        })();

        v1.FindKey = (function() {

            var FindKey = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            FindKey.prototype.field = "";
            FindKey.prototype.value = "";

            FindKey.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.field != null && $Object.hasOwnProperty.call(message, "field") && message.field !== "")
                    writer.uint32(10).string(message.field);
                if (message.value != null && $Object.hasOwnProperty.call(message, "value") && message.value !== "")
                    writer.uint32(18).string(message.value);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            FindKey.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.FindKey();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.field = value;
                            else
                                delete message.field;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.value = value;
                            else
                                delete message.value;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return FindKey;
        })();

        v1.FindResponse = (function() {

            var FindResponse = function (properties) {
                this.transactions = [];
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            FindResponse.prototype.transactions = $util.emptyArray;
            FindResponse.prototype.cursor = "";
            FindResponse.prototype.incomplete = false;

            FindResponse.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.transactions != null && message.transactions.length)
                    for (var i = 0; i < message.transactions.length; ++i)
                        $root.harrier.v1.FoundTransaction.encode(message.transactions[i], writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.cursor != null && $Object.hasOwnProperty.call(message, "cursor") && message.cursor !== "")
                    writer.uint32(18).string(message.cursor);
                if (message.incomplete != null && $Object.hasOwnProperty.call(message, "incomplete") && message.incomplete !== false)
                    writer.uint32(24).bool(message.incomplete);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            FindResponse.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.FindResponse();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if (!(message.transactions && message.transactions.length))
                                message.transactions = [];
                            message.transactions.push($root.harrier.v1.FoundTransaction.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.cursor = value;
                            else
                                delete message.cursor;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.incomplete = value;
                            else
                                delete message.incomplete;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return FindResponse;
        })();

        v1.FoundTransaction = (function() {

            var FoundTransaction = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            FoundTransaction.prototype.transaction = null;
            FoundTransaction.prototype.decision = null;
            FoundTransaction.prototype.receive_time_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            FoundTransaction.prototype.label = 0;
            FoundTransaction.prototype.outcome_receive_time_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            FoundTransaction.prototype.outcome_known_time_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            FoundTransaction.prototype.amended = null;
            FoundTransaction.prototype.amended_time_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            FoundTransaction.prototype.backfilled = false;

            FoundTransaction.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.transaction != null && $Object.hasOwnProperty.call(message, "transaction"))
                    $root.harrier.v1.Transaction.encode(message.transaction, writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.decision != null && $Object.hasOwnProperty.call(message, "decision"))
                    $root.harrier.v1.Decision.encode(message.decision, writer.uint32(18).fork(), _depth + 1).ldelim();
                if (message.receive_time_us != null && $Object.hasOwnProperty.call(message, "receive_time_us") && (typeof message.receive_time_us === "object" ? message.receive_time_us.low || message.receive_time_us.high : message.receive_time_us !== 0))
                    writer.uint32(24).int64(message.receive_time_us);
                if (message.label != null && $Object.hasOwnProperty.call(message, "label") && message.label !== 0)
                    writer.uint32(32).int32(message.label);
                if (message.outcome_receive_time_us != null && $Object.hasOwnProperty.call(message, "outcome_receive_time_us") && (typeof message.outcome_receive_time_us === "object" ? message.outcome_receive_time_us.low || message.outcome_receive_time_us.high : message.outcome_receive_time_us !== 0))
                    writer.uint32(40).int64(message.outcome_receive_time_us);
                if (message.outcome_known_time_us != null && $Object.hasOwnProperty.call(message, "outcome_known_time_us") && (typeof message.outcome_known_time_us === "object" ? message.outcome_known_time_us.low || message.outcome_known_time_us.high : message.outcome_known_time_us !== 0))
                    writer.uint32(48).int64(message.outcome_known_time_us);
                if (message.amended != null && $Object.hasOwnProperty.call(message, "amended"))
                    $root.harrier.v1.AmendedTransaction.encode(message.amended, writer.uint32(58).fork(), _depth + 1).ldelim();
                if (message.amended_time_us != null && $Object.hasOwnProperty.call(message, "amended_time_us") && (typeof message.amended_time_us === "object" ? message.amended_time_us.low || message.amended_time_us.high : message.amended_time_us !== 0))
                    writer.uint32(64).int64(message.amended_time_us);
                if (message.backfilled != null && $Object.hasOwnProperty.call(message, "backfilled") && message.backfilled !== false)
                    writer.uint32(72).bool(message.backfilled);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            FoundTransaction.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.FoundTransaction();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            message.transaction = $root.harrier.v1.Transaction.decode(reader, reader.size(), $undefined, _depth + 1, message.transaction);
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            message.decision = $root.harrier.v1.Decision.decode(reader, reader.size(), $undefined, _depth + 1, message.decision);
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.receive_time_us = value;
                            else
                                delete message.receive_time_us;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.label = value;
                            else
                                delete message.label;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.outcome_receive_time_us = value;
                            else
                                delete message.outcome_receive_time_us;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.outcome_known_time_us = value;
                            else
                                delete message.outcome_known_time_us;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 2)
                                break;
                            message.amended = $root.harrier.v1.AmendedTransaction.decode(reader, reader.size(), $undefined, _depth + 1, message.amended);
                            continue;
                        }
                    case 8: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.amended_time_us = value;
                            else
                                delete message.amended_time_us;
                            continue;
                        }
                    case 9: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.backfilled = value;
                            else
                                delete message.backfilled;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return FoundTransaction;
        })();

        v1.ExplainRequest = (function() {

            var ExplainRequest = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ExplainRequest.prototype.transaction_id = "";

            ExplainRequest.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.transaction_id != null && $Object.hasOwnProperty.call(message, "transaction_id") && message.transaction_id !== "")
                    writer.uint32(10).string(message.transaction_id);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ExplainRequest.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.ExplainRequest();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.transaction_id = value;
                            else
                                delete message.transaction_id;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ExplainRequest;
        })();

        v1.ExplainResponse = (function() {

            var ExplainResponse = function (properties) {
                this.entities = [];
                this.outcomes = [];
                this.notes = [];
                this.amendments = [];
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ExplainResponse.prototype.transaction = null;
            ExplainResponse.prototype.position = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ExplainResponse.prototype.receive_time_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            ExplainResponse.prototype.archived = null;
            ExplainResponse.prototype.equal = false;
            ExplainResponse.prototype.difference = "";
            ExplainResponse.prototype.policy_position = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ExplainResponse.prototype.generation_id = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ExplainResponse.prototype.generation_position = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ExplainResponse.prototype.adopted_position = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ExplainResponse.prototype.base_position = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ExplainResponse.prototype.records_read = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ExplainResponse.prototype.records_applied = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ExplainResponse.prototype.entities = $util.emptyArray;
            ExplainResponse.prototype.outcomes = $util.emptyArray;
            ExplainResponse.prototype.notes = $util.emptyArray;
            ExplainResponse.prototype.then = null;
            ExplainResponse.prototype.amendments = $util.emptyArray;
            ExplainResponse.prototype.experiment = "";

            ExplainResponse.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.transaction != null && $Object.hasOwnProperty.call(message, "transaction"))
                    $root.harrier.v1.Transaction.encode(message.transaction, writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.position != null && $Object.hasOwnProperty.call(message, "position") && (typeof message.position === "object" ? message.position.low || message.position.high : message.position !== 0))
                    writer.uint32(16).uint64(message.position);
                if (message.receive_time_us != null && $Object.hasOwnProperty.call(message, "receive_time_us") && (typeof message.receive_time_us === "object" ? message.receive_time_us.low || message.receive_time_us.high : message.receive_time_us !== 0))
                    writer.uint32(24).int64(message.receive_time_us);
                if (message.archived != null && $Object.hasOwnProperty.call(message, "archived"))
                    $root.harrier.v1.Decision.encode(message.archived, writer.uint32(34).fork(), _depth + 1).ldelim();
                if (message.equal != null && $Object.hasOwnProperty.call(message, "equal") && message.equal !== false)
                    writer.uint32(40).bool(message.equal);
                if (message.difference != null && $Object.hasOwnProperty.call(message, "difference") && message.difference !== "")
                    writer.uint32(50).string(message.difference);
                if (message.policy_position != null && $Object.hasOwnProperty.call(message, "policy_position") && (typeof message.policy_position === "object" ? message.policy_position.low || message.policy_position.high : message.policy_position !== 0))
                    writer.uint32(56).uint64(message.policy_position);
                if (message.generation_id != null && $Object.hasOwnProperty.call(message, "generation_id") && (typeof message.generation_id === "object" ? message.generation_id.low || message.generation_id.high : message.generation_id !== 0))
                    writer.uint32(65).fixed64(message.generation_id);
                if (message.generation_position != null && $Object.hasOwnProperty.call(message, "generation_position") && (typeof message.generation_position === "object" ? message.generation_position.low || message.generation_position.high : message.generation_position !== 0))
                    writer.uint32(72).uint64(message.generation_position);
                if (message.adopted_position != null && $Object.hasOwnProperty.call(message, "adopted_position") && (typeof message.adopted_position === "object" ? message.adopted_position.low || message.adopted_position.high : message.adopted_position !== 0))
                    writer.uint32(80).uint64(message.adopted_position);
                if (message.base_position != null && $Object.hasOwnProperty.call(message, "base_position") && (typeof message.base_position === "object" ? message.base_position.low || message.base_position.high : message.base_position !== 0))
                    writer.uint32(88).uint64(message.base_position);
                if (message.records_read != null && $Object.hasOwnProperty.call(message, "records_read") && (typeof message.records_read === "object" ? message.records_read.low || message.records_read.high : message.records_read !== 0))
                    writer.uint32(96).uint64(message.records_read);
                if (message.records_applied != null && $Object.hasOwnProperty.call(message, "records_applied") && (typeof message.records_applied === "object" ? message.records_applied.low || message.records_applied.high : message.records_applied !== 0))
                    writer.uint32(104).uint64(message.records_applied);
                if (message.entities != null && message.entities.length)
                    for (var i = 0; i < message.entities.length; ++i)
                        $root.harrier.v1.ExplainedEntity.encode(message.entities[i], writer.uint32(114).fork(), _depth + 1).ldelim();
                if (message.outcomes != null && message.outcomes.length)
                    for (var i = 0; i < message.outcomes.length; ++i)
                        $root.harrier.v1.ExplainedOutcome.encode(message.outcomes[i], writer.uint32(122).fork(), _depth + 1).ldelim();
                if (message.notes != null && message.notes.length)
                    for (var i = 0; i < message.notes.length; ++i)
                        writer.uint32(130).string(message.notes[i]);
                if (message.then != null && $Object.hasOwnProperty.call(message, "then"))
                    $root.harrier.v1.ExplainedPolicy.encode(message.then, writer.uint32(138).fork(), _depth + 1).ldelim();
                if (message.amendments != null && message.amendments.length)
                    for (var i = 0; i < message.amendments.length; ++i)
                        $root.harrier.v1.ExplainedAmendment.encode(message.amendments[i], writer.uint32(146).fork(), _depth + 1).ldelim();
                if (message.experiment != null && $Object.hasOwnProperty.call(message, "experiment") && message.experiment !== "")
                    writer.uint32(154).string(message.experiment);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ExplainResponse.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.ExplainResponse();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            message.transaction = $root.harrier.v1.Transaction.decode(reader, reader.size(), $undefined, _depth + 1, message.transaction);
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.position = value;
                            else
                                delete message.position;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.receive_time_us = value;
                            else
                                delete message.receive_time_us;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            message.archived = $root.harrier.v1.Decision.decode(reader, reader.size(), $undefined, _depth + 1, message.archived);
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.equal = value;
                            else
                                delete message.equal;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.difference = value;
                            else
                                delete message.difference;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.policy_position = value;
                            else
                                delete message.policy_position;
                            continue;
                        }
                    case 8: {
                            if (wireType !== 1)
                                break;
                            if (typeof (value = reader.fixed64()) === "object" ? value.low || value.high : value !== 0)
                                message.generation_id = value;
                            else
                                delete message.generation_id;
                            continue;
                        }
                    case 9: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.generation_position = value;
                            else
                                delete message.generation_position;
                            continue;
                        }
                    case 10: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.adopted_position = value;
                            else
                                delete message.adopted_position;
                            continue;
                        }
                    case 11: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.base_position = value;
                            else
                                delete message.base_position;
                            continue;
                        }
                    case 12: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.records_read = value;
                            else
                                delete message.records_read;
                            continue;
                        }
                    case 13: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.records_applied = value;
                            else
                                delete message.records_applied;
                            continue;
                        }
                    case 14: {
                            if (wireType !== 2)
                                break;
                            if (!(message.entities && message.entities.length))
                                message.entities = [];
                            message.entities.push($root.harrier.v1.ExplainedEntity.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 15: {
                            if (wireType !== 2)
                                break;
                            if (!(message.outcomes && message.outcomes.length))
                                message.outcomes = [];
                            message.outcomes.push($root.harrier.v1.ExplainedOutcome.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 16: {
                            if (wireType !== 2)
                                break;
                            if (!(message.notes && message.notes.length))
                                message.notes = [];
                            message.notes.push(reader.stringVerify());
                            continue;
                        }
                    case 17: {
                            if (wireType !== 2)
                                break;
                            message.then = $root.harrier.v1.ExplainedPolicy.decode(reader, reader.size(), $undefined, _depth + 1, message.then);
                            continue;
                        }
                    case 18: {
                            if (wireType !== 2)
                                break;
                            if (!(message.amendments && message.amendments.length))
                                message.amendments = [];
                            message.amendments.push($root.harrier.v1.ExplainedAmendment.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 19: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.experiment = value;
                            else
                                delete message.experiment;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ExplainResponse;
        })();

        v1.ExplainedEntity = (function() {

            var ExplainedEntity = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ExplainedEntity.prototype.name = "";
            ExplainedEntity.prototype.key = "";
            ExplainedEntity.prototype.entries = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ExplainedEntity.prototype.newest_time_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            ExplainedEntity.prototype.applied = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ExplainedEntity.prototype.in_tables = false;

            ExplainedEntity.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.name != null && $Object.hasOwnProperty.call(message, "name") && message.name !== "")
                    writer.uint32(10).string(message.name);
                if (message.key != null && $Object.hasOwnProperty.call(message, "key") && message.key !== "")
                    writer.uint32(18).string(message.key);
                if (message.entries != null && $Object.hasOwnProperty.call(message, "entries") && (typeof message.entries === "object" ? message.entries.low || message.entries.high : message.entries !== 0))
                    writer.uint32(24).uint64(message.entries);
                if (message.newest_time_us != null && $Object.hasOwnProperty.call(message, "newest_time_us") && (typeof message.newest_time_us === "object" ? message.newest_time_us.low || message.newest_time_us.high : message.newest_time_us !== 0))
                    writer.uint32(32).int64(message.newest_time_us);
                if (message.applied != null && $Object.hasOwnProperty.call(message, "applied") && (typeof message.applied === "object" ? message.applied.low || message.applied.high : message.applied !== 0))
                    writer.uint32(40).uint64(message.applied);
                if (message.in_tables != null && $Object.hasOwnProperty.call(message, "in_tables") && message.in_tables !== false)
                    writer.uint32(48).bool(message.in_tables);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ExplainedEntity.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.ExplainedEntity();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.name = value;
                            else
                                delete message.name;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.key = value;
                            else
                                delete message.key;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.entries = value;
                            else
                                delete message.entries;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.newest_time_us = value;
                            else
                                delete message.newest_time_us;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.applied = value;
                            else
                                delete message.applied;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.in_tables = value;
                            else
                                delete message.in_tables;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ExplainedEntity;
        })();

        v1.ExplainedOutcome = (function() {

            var ExplainedOutcome = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ExplainedOutcome.prototype.position = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ExplainedOutcome.prototype.receive_time_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            ExplainedOutcome.prototype.known_time_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            ExplainedOutcome.prototype.previous = 0;
            ExplainedOutcome.prototype.label = 0;
            ExplainedOutcome.prototype.source = "";

            ExplainedOutcome.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.position != null && $Object.hasOwnProperty.call(message, "position") && (typeof message.position === "object" ? message.position.low || message.position.high : message.position !== 0))
                    writer.uint32(8).uint64(message.position);
                if (message.receive_time_us != null && $Object.hasOwnProperty.call(message, "receive_time_us") && (typeof message.receive_time_us === "object" ? message.receive_time_us.low || message.receive_time_us.high : message.receive_time_us !== 0))
                    writer.uint32(16).int64(message.receive_time_us);
                if (message.known_time_us != null && $Object.hasOwnProperty.call(message, "known_time_us") && (typeof message.known_time_us === "object" ? message.known_time_us.low || message.known_time_us.high : message.known_time_us !== 0))
                    writer.uint32(24).int64(message.known_time_us);
                if (message.previous != null && $Object.hasOwnProperty.call(message, "previous") && message.previous !== 0)
                    writer.uint32(32).int32(message.previous);
                if (message.label != null && $Object.hasOwnProperty.call(message, "label") && message.label !== 0)
                    writer.uint32(40).int32(message.label);
                if (message.source != null && $Object.hasOwnProperty.call(message, "source") && message.source !== "")
                    writer.uint32(50).string(message.source);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ExplainedOutcome.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.ExplainedOutcome();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.position = value;
                            else
                                delete message.position;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.receive_time_us = value;
                            else
                                delete message.receive_time_us;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.known_time_us = value;
                            else
                                delete message.known_time_us;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.previous = value;
                            else
                                delete message.previous;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.label = value;
                            else
                                delete message.label;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.source = value;
                            else
                                delete message.source;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ExplainedOutcome;
        })();

        v1.ExplainedAmendment = (function() {

            var ExplainedAmendment = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ExplainedAmendment.prototype.position = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ExplainedAmendment.prototype.receive_time_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            ExplainedAmendment.prototype.known_time_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            ExplainedAmendment.prototype.previous = null;
            ExplainedAmendment.prototype.now = null;
            ExplainedAmendment.prototype.source = "";

            ExplainedAmendment.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.position != null && $Object.hasOwnProperty.call(message, "position") && (typeof message.position === "object" ? message.position.low || message.position.high : message.position !== 0))
                    writer.uint32(8).uint64(message.position);
                if (message.receive_time_us != null && $Object.hasOwnProperty.call(message, "receive_time_us") && (typeof message.receive_time_us === "object" ? message.receive_time_us.low || message.receive_time_us.high : message.receive_time_us !== 0))
                    writer.uint32(16).int64(message.receive_time_us);
                if (message.known_time_us != null && $Object.hasOwnProperty.call(message, "known_time_us") && (typeof message.known_time_us === "object" ? message.known_time_us.low || message.known_time_us.high : message.known_time_us !== 0))
                    writer.uint32(24).int64(message.known_time_us);
                if (message.previous != null && $Object.hasOwnProperty.call(message, "previous"))
                    $root.harrier.v1.AmendedTransaction.encode(message.previous, writer.uint32(34).fork(), _depth + 1).ldelim();
                if (message.now != null && $Object.hasOwnProperty.call(message, "now"))
                    $root.harrier.v1.AmendedTransaction.encode(message.now, writer.uint32(42).fork(), _depth + 1).ldelim();
                if (message.source != null && $Object.hasOwnProperty.call(message, "source") && message.source !== "")
                    writer.uint32(50).string(message.source);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ExplainedAmendment.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.ExplainedAmendment();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.position = value;
                            else
                                delete message.position;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.receive_time_us = value;
                            else
                                delete message.receive_time_us;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.known_time_us = value;
                            else
                                delete message.known_time_us;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            message.previous = $root.harrier.v1.AmendedTransaction.decode(reader, reader.size(), $undefined, _depth + 1, message.previous);
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            message.now = $root.harrier.v1.AmendedTransaction.decode(reader, reader.size(), $undefined, _depth + 1, message.now);
                            continue;
                        }
                    case 6: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.source = value;
                            else
                                delete message.source;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ExplainedAmendment;
        })();

        v1.ExplainedPolicy = (function() {

            var ExplainedPolicy = function (properties) {
                this.fields = [];
                this.computed = [];
                this.rules = [];
                this.groups = [];
                this.cutoffs = [];
                this.shadows = [];
                this.warming_features = [];
                this.models = [];
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ExplainedPolicy.prototype.name = "";
            ExplainedPolicy.prototype.snapshot_id = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ExplainedPolicy.prototype.refusal = "";
            ExplainedPolicy.prototype.refused_field = "";
            ExplainedPolicy.prototype.decision = null;
            ExplainedPolicy.prototype.fields = $util.emptyArray;
            ExplainedPolicy.prototype.computed = $util.emptyArray;
            ExplainedPolicy.prototype.rules = $util.emptyArray;
            ExplainedPolicy.prototype.groups = $util.emptyArray;
            ExplainedPolicy.prototype.cutoffs = $util.emptyArray;
            ExplainedPolicy.prototype.shadows = $util.emptyArray;
            ExplainedPolicy.prototype.warming_features = $util.emptyArray;
            ExplainedPolicy.prototype.models = $util.emptyArray;

            ExplainedPolicy.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.name != null && $Object.hasOwnProperty.call(message, "name") && message.name !== "")
                    writer.uint32(10).string(message.name);
                if (message.snapshot_id != null && $Object.hasOwnProperty.call(message, "snapshot_id") && (typeof message.snapshot_id === "object" ? message.snapshot_id.low || message.snapshot_id.high : message.snapshot_id !== 0))
                    writer.uint32(17).fixed64(message.snapshot_id);
                if (message.refusal != null && $Object.hasOwnProperty.call(message, "refusal") && message.refusal !== "")
                    writer.uint32(26).string(message.refusal);
                if (message.refused_field != null && $Object.hasOwnProperty.call(message, "refused_field") && message.refused_field !== "")
                    writer.uint32(34).string(message.refused_field);
                if (message.decision != null && $Object.hasOwnProperty.call(message, "decision"))
                    $root.harrier.v1.Decision.encode(message.decision, writer.uint32(42).fork(), _depth + 1).ldelim();
                if (message.fields != null && message.fields.length)
                    for (var i = 0; i < message.fields.length; ++i)
                        $root.harrier.v1.NamedValue.encode(message.fields[i], writer.uint32(50).fork(), _depth + 1).ldelim();
                if (message.computed != null && message.computed.length)
                    for (var i = 0; i < message.computed.length; ++i)
                        $root.harrier.v1.ExplainedComputed.encode(message.computed[i], writer.uint32(58).fork(), _depth + 1).ldelim();
                if (message.rules != null && message.rules.length)
                    for (var i = 0; i < message.rules.length; ++i)
                        $root.harrier.v1.ExplainedRule.encode(message.rules[i], writer.uint32(66).fork(), _depth + 1).ldelim();
                if (message.groups != null && message.groups.length)
                    for (var i = 0; i < message.groups.length; ++i)
                        $root.harrier.v1.ExplainedGroup.encode(message.groups[i], writer.uint32(74).fork(), _depth + 1).ldelim();
                if (message.cutoffs != null && message.cutoffs.length)
                    for (var i = 0; i < message.cutoffs.length; ++i)
                        $root.harrier.v1.ExplainedCutoff.encode(message.cutoffs[i], writer.uint32(82).fork(), _depth + 1).ldelim();
                if (message.shadows != null && message.shadows.length)
                    for (var i = 0; i < message.shadows.length; ++i)
                        $root.harrier.v1.ExplainedShadow.encode(message.shadows[i], writer.uint32(90).fork(), _depth + 1).ldelim();
                if (message.warming_features != null && message.warming_features.length)
                    for (var i = 0; i < message.warming_features.length; ++i)
                        writer.uint32(98).string(message.warming_features[i]);
                if (message.models != null && message.models.length)
                    for (var i = 0; i < message.models.length; ++i)
                        $root.harrier.v1.ExplainedModel.encode(message.models[i], writer.uint32(106).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ExplainedPolicy.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.ExplainedPolicy();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.name = value;
                            else
                                delete message.name;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 1)
                                break;
                            if (typeof (value = reader.fixed64()) === "object" ? value.low || value.high : value !== 0)
                                message.snapshot_id = value;
                            else
                                delete message.snapshot_id;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.refusal = value;
                            else
                                delete message.refusal;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.refused_field = value;
                            else
                                delete message.refused_field;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            message.decision = $root.harrier.v1.Decision.decode(reader, reader.size(), $undefined, _depth + 1, message.decision);
                            continue;
                        }
                    case 6: {
                            if (wireType !== 2)
                                break;
                            if (!(message.fields && message.fields.length))
                                message.fields = [];
                            message.fields.push($root.harrier.v1.NamedValue.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 7: {
                            if (wireType !== 2)
                                break;
                            if (!(message.computed && message.computed.length))
                                message.computed = [];
                            message.computed.push($root.harrier.v1.ExplainedComputed.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 8: {
                            if (wireType !== 2)
                                break;
                            if (!(message.rules && message.rules.length))
                                message.rules = [];
                            message.rules.push($root.harrier.v1.ExplainedRule.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 9: {
                            if (wireType !== 2)
                                break;
                            if (!(message.groups && message.groups.length))
                                message.groups = [];
                            message.groups.push($root.harrier.v1.ExplainedGroup.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 10: {
                            if (wireType !== 2)
                                break;
                            if (!(message.cutoffs && message.cutoffs.length))
                                message.cutoffs = [];
                            message.cutoffs.push($root.harrier.v1.ExplainedCutoff.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 11: {
                            if (wireType !== 2)
                                break;
                            if (!(message.shadows && message.shadows.length))
                                message.shadows = [];
                            message.shadows.push($root.harrier.v1.ExplainedShadow.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 12: {
                            if (wireType !== 2)
                                break;
                            if (!(message.warming_features && message.warming_features.length))
                                message.warming_features = [];
                            message.warming_features.push(reader.stringVerify());
                            continue;
                        }
                    case 13: {
                            if (wireType !== 2)
                                break;
                            if (!(message.models && message.models.length))
                                message.models = [];
                            message.models.push($root.harrier.v1.ExplainedModel.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ExplainedPolicy;
        })();

        v1.ExplainedModel = (function() {

            var ExplainedModel = function (properties) {
                this.inputs = [];
                this.contributions = [];
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ExplainedModel.prototype.name = "";
            ExplainedModel.prototype.inputs = $util.emptyArray;
            ExplainedModel.prototype.contributions = $util.emptyArray;
            ExplainedModel.prototype.bias = 0;
            ExplainedModel.prototype.margin = 0;

            ExplainedModel.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.name != null && $Object.hasOwnProperty.call(message, "name") && message.name !== "")
                    writer.uint32(10).string(message.name);
                if (message.inputs != null && message.inputs.length)
                    for (var i = 0; i < message.inputs.length; ++i)
                        $root.harrier.v1.NamedValue.encode(message.inputs[i], writer.uint32(18).fork(), _depth + 1).ldelim();
                if (message.contributions != null && message.contributions.length)
                    writer.uint32(26).doubles(message.contributions);
                if (message.bias != null && $Object.hasOwnProperty.call(message, "bias") && !$Object.is(message.bias, 0))
                    writer.uint32(33).double(message.bias);
                if (message.margin != null && $Object.hasOwnProperty.call(message, "margin") && !$Object.is(message.margin, 0))
                    writer.uint32(41).double(message.margin);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ExplainedModel.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.ExplainedModel();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.name = value;
                            else
                                delete message.name;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if (!(message.inputs && message.inputs.length))
                                message.inputs = [];
                            message.inputs.push($root.harrier.v1.NamedValue.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 3: {
                            if (wireType === 2) {
                                if (!(message.contributions && message.contributions.length))
                                    message.contributions = [];
                                reader.doubles(message.contributions);
                                continue;
                            }
                            if (wireType !== 1)
                                break;
                            if (!(message.contributions && message.contributions.length))
                                message.contributions = [];
                            message.contributions.push(reader.double());
                            continue;
                        }
                    case 4: {
                            if (wireType !== 1)
                                break;
                            if (!$Object.is(value = reader.double(), 0))
                                message.bias = value;
                            else
                                delete message.bias;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 1)
                                break;
                            if (!$Object.is(value = reader.double(), 0))
                                message.margin = value;
                            else
                                delete message.margin;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ExplainedModel;
        })();

        v1.ExplainedPart = (function() {

            var ExplainedPart = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ExplainedPart.prototype.text = "";
            ExplainedPart.prototype.depth = 0;
            ExplainedPart.prototype.kind = 0;
            ExplainedPart.prototype.type = "";
            ExplainedPart.prototype.value = null;
            ExplainedPart.prototype.error = "";
            ExplainedPart.prototype.reached = false;
            ExplainedPart.prototype.decides = false;
            ExplainedPart.prototype.list = "";
            ExplainedPart.prototype.added = false;
            ExplainedPart.prototype.origin = 0;

            ExplainedPart.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.text != null && $Object.hasOwnProperty.call(message, "text") && message.text !== "")
                    writer.uint32(10).string(message.text);
                if (message.depth != null && $Object.hasOwnProperty.call(message, "depth") && message.depth !== 0)
                    writer.uint32(16).uint32(message.depth);
                if (message.kind != null && $Object.hasOwnProperty.call(message, "kind") && message.kind !== 0)
                    writer.uint32(24).int32(message.kind);
                if (message.type != null && $Object.hasOwnProperty.call(message, "type") && message.type !== "")
                    writer.uint32(34).string(message.type);
                if (message.value != null && $Object.hasOwnProperty.call(message, "value"))
                    $root.harrier.v1.NamedValue.encode(message.value, writer.uint32(42).fork(), _depth + 1).ldelim();
                if (message.error != null && $Object.hasOwnProperty.call(message, "error") && message.error !== "")
                    writer.uint32(50).string(message.error);
                if (message.reached != null && $Object.hasOwnProperty.call(message, "reached") && message.reached !== false)
                    writer.uint32(56).bool(message.reached);
                if (message.decides != null && $Object.hasOwnProperty.call(message, "decides") && message.decides !== false)
                    writer.uint32(64).bool(message.decides);
                if (message.list != null && $Object.hasOwnProperty.call(message, "list") && message.list !== "")
                    writer.uint32(74).string(message.list);
                if (message.added != null && $Object.hasOwnProperty.call(message, "added") && message.added !== false)
                    writer.uint32(80).bool(message.added);
                if (message.origin != null && $Object.hasOwnProperty.call(message, "origin") && message.origin !== 0)
                    writer.uint32(88).int32(message.origin);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ExplainedPart.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.ExplainedPart();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.text = value;
                            else
                                delete message.text;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.depth = value;
                            else
                                delete message.depth;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.kind = value;
                            else
                                delete message.kind;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.type = value;
                            else
                                delete message.type;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            message.value = $root.harrier.v1.NamedValue.decode(reader, reader.size(), $undefined, _depth + 1, message.value);
                            continue;
                        }
                    case 6: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.error = value;
                            else
                                delete message.error;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.reached = value;
                            else
                                delete message.reached;
                            continue;
                        }
                    case 8: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.decides = value;
                            else
                                delete message.decides;
                            continue;
                        }
                    case 9: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.list = value;
                            else
                                delete message.list;
                            continue;
                        }
                    case 10: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.added = value;
                            else
                                delete message.added;
                            continue;
                        }
                    case 11: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.origin = value;
                            else
                                delete message.origin;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ExplainedPart;
        })();

        v1.ExplainedKind = (function() {
            var valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "EXPLAINED_KIND_OTHER"] = 0;
            values[valuesById[1] = "EXPLAINED_KIND_NAME"] = 1;
            values[valuesById[2] = "EXPLAINED_KIND_HAS"] = 2;
            values[valuesById[3] = "EXPLAINED_KIND_LIST"] = 3;
            values[valuesById[4] = "EXPLAINED_KIND_THRESHOLD"] = 4;
            values[valuesById[5] = "EXPLAINED_KIND_COMPARISON"] = 5;
            values[valuesById[6] = "EXPLAINED_KIND_AND"] = 6;
            values[valuesById[7] = "EXPLAINED_KIND_OR"] = 7;
            values[valuesById[8] = "EXPLAINED_KIND_NOT"] = 8;
            values[valuesById[9] = "EXPLAINED_KIND_CONDITIONAL"] = 9;
            values[valuesById[10] = "EXPLAINED_KIND_MACRO"] = 10;
            values[valuesById[11] = "EXPLAINED_KIND_EACH"] = 11;
            return values;
        })();

        v1.ThresholdOrigin = (function() {
            var valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "THRESHOLD_ORIGIN_NONE"] = 0;
            values[valuesById[1] = "THRESHOLD_ORIGIN_FALLBACK"] = 1;
            values[valuesById[2] = "THRESHOLD_ORIGIN_OVERALL"] = 2;
            values[valuesById[3] = "THRESHOLD_ORIGIN_GROUP"] = 3;
            return values;
        })();

        v1.ExplainedComputed = (function() {

            var ExplainedComputed = function (properties) {
                this.parts = [];
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ExplainedComputed.prototype.name = "";
            ExplainedComputed.prototype.parts = $util.emptyArray;

            ExplainedComputed.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.name != null && $Object.hasOwnProperty.call(message, "name") && message.name !== "")
                    writer.uint32(10).string(message.name);
                if (message.parts != null && message.parts.length)
                    for (var i = 0; i < message.parts.length; ++i)
                        $root.harrier.v1.ExplainedPart.encode(message.parts[i], writer.uint32(18).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ExplainedComputed.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.ExplainedComputed();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.name = value;
                            else
                                delete message.name;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if (!(message.parts && message.parts.length))
                                message.parts = [];
                            message.parts.push($root.harrier.v1.ExplainedPart.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ExplainedComputed;
        })();

        v1.ExplainedRule = (function() {

            var ExplainedRule = function (properties) {
                this.parts = [];
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ExplainedRule.prototype.name = "";
            ExplainedRule.prototype.about = "";
            ExplainedRule.prototype.file = "";
            ExplainedRule.prototype.line = 0;
            ExplainedRule.prototype.mode = 0;
            ExplainedRule.prototype.fate = 0;
            ExplainedRule.prototype.verdict = 0;
            ExplainedRule.prototype.verdict_on_error = 0;
            ExplainedRule.prototype.score = 0;
            ExplainedRule.prototype.group = "";
            ExplainedRule.prototype.reason = "";
            ExplainedRule.prototype.capped = 0;
            ExplainedRule.prototype.verdict_if_live = 0;
            ExplainedRule.prototype.from_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            ExplainedRule.prototype.until_us = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            ExplainedRule.prototype.rollout = 0;
            ExplainedRule.prototype.rollout_key = "";
            ExplainedRule.prototype.parts = $util.emptyArray;
            ExplainedRule.prototype.braked = false;

            ExplainedRule.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.name != null && $Object.hasOwnProperty.call(message, "name") && message.name !== "")
                    writer.uint32(10).string(message.name);
                if (message.about != null && $Object.hasOwnProperty.call(message, "about") && message.about !== "")
                    writer.uint32(18).string(message.about);
                if (message.file != null && $Object.hasOwnProperty.call(message, "file") && message.file !== "")
                    writer.uint32(26).string(message.file);
                if (message.line != null && $Object.hasOwnProperty.call(message, "line") && message.line !== 0)
                    writer.uint32(32).uint32(message.line);
                if (message.mode != null && $Object.hasOwnProperty.call(message, "mode") && message.mode !== 0)
                    writer.uint32(40).int32(message.mode);
                if (message.fate != null && $Object.hasOwnProperty.call(message, "fate") && message.fate !== 0)
                    writer.uint32(48).int32(message.fate);
                if (message.verdict != null && $Object.hasOwnProperty.call(message, "verdict") && message.verdict !== 0)
                    writer.uint32(56).int32(message.verdict);
                if (message.verdict_on_error != null && $Object.hasOwnProperty.call(message, "verdict_on_error") && message.verdict_on_error !== 0)
                    writer.uint32(64).int32(message.verdict_on_error);
                if (message.score != null && $Object.hasOwnProperty.call(message, "score") && message.score !== 0)
                    writer.uint32(72).sint32(message.score);
                if (message.group != null && $Object.hasOwnProperty.call(message, "group") && message.group !== "")
                    writer.uint32(82).string(message.group);
                if (message.reason != null && $Object.hasOwnProperty.call(message, "reason") && message.reason !== "")
                    writer.uint32(90).string(message.reason);
                if (message.capped != null && $Object.hasOwnProperty.call(message, "capped") && message.capped !== 0)
                    writer.uint32(96).sint32(message.capped);
                if (message.verdict_if_live != null && $Object.hasOwnProperty.call(message, "verdict_if_live") && message.verdict_if_live !== 0)
                    writer.uint32(104).int32(message.verdict_if_live);
                if (message.from_us != null && $Object.hasOwnProperty.call(message, "from_us") && (typeof message.from_us === "object" ? message.from_us.low || message.from_us.high : message.from_us !== 0))
                    writer.uint32(112).int64(message.from_us);
                if (message.until_us != null && $Object.hasOwnProperty.call(message, "until_us") && (typeof message.until_us === "object" ? message.until_us.low || message.until_us.high : message.until_us !== 0))
                    writer.uint32(120).int64(message.until_us);
                if (message.rollout != null && $Object.hasOwnProperty.call(message, "rollout") && message.rollout !== 0)
                    writer.uint32(128).uint32(message.rollout);
                if (message.rollout_key != null && $Object.hasOwnProperty.call(message, "rollout_key") && message.rollout_key !== "")
                    writer.uint32(138).string(message.rollout_key);
                if (message.parts != null && message.parts.length)
                    for (var i = 0; i < message.parts.length; ++i)
                        $root.harrier.v1.ExplainedPart.encode(message.parts[i], writer.uint32(146).fork(), _depth + 1).ldelim();
                if (message.braked != null && $Object.hasOwnProperty.call(message, "braked") && message.braked !== false)
                    writer.uint32(152).bool(message.braked);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ExplainedRule.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.ExplainedRule();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.name = value;
                            else
                                delete message.name;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.about = value;
                            else
                                delete message.about;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.file = value;
                            else
                                delete message.file;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.line = value;
                            else
                                delete message.line;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.mode = value;
                            else
                                delete message.mode;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.fate = value;
                            else
                                delete message.fate;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.verdict = value;
                            else
                                delete message.verdict;
                            continue;
                        }
                    case 8: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.verdict_on_error = value;
                            else
                                delete message.verdict_on_error;
                            continue;
                        }
                    case 9: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.sint32())
                                message.score = value;
                            else
                                delete message.score;
                            continue;
                        }
                    case 10: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.group = value;
                            else
                                delete message.group;
                            continue;
                        }
                    case 11: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.reason = value;
                            else
                                delete message.reason;
                            continue;
                        }
                    case 12: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.sint32())
                                message.capped = value;
                            else
                                delete message.capped;
                            continue;
                        }
                    case 13: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.verdict_if_live = value;
                            else
                                delete message.verdict_if_live;
                            continue;
                        }
                    case 14: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.from_us = value;
                            else
                                delete message.from_us;
                            continue;
                        }
                    case 15: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.int64()) === "object" ? value.low || value.high : value !== 0)
                                message.until_us = value;
                            else
                                delete message.until_us;
                            continue;
                        }
                    case 16: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.rollout = value;
                            else
                                delete message.rollout;
                            continue;
                        }
                    case 17: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.rollout_key = value;
                            else
                                delete message.rollout_key;
                            continue;
                        }
                    case 18: {
                            if (wireType !== 2)
                                break;
                            if (!(message.parts && message.parts.length))
                                message.parts = [];
                            message.parts.push($root.harrier.v1.ExplainedPart.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 19: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.braked = value;
                            else
                                delete message.braked;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ExplainedRule;
        })();

        v1.RuleMode = (function() {
            var valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "RULE_MODE_LIVE"] = 0;
            values[valuesById[1] = "RULE_MODE_SHADOW"] = 1;
            values[valuesById[2] = "RULE_MODE_OFF"] = 2;
            return values;
        })();

        v1.RuleFate = (function() {
            var valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "RULE_FATE_FALSE"] = 0;
            values[valuesById[1] = "RULE_FATE_ABSENT"] = 1;
            values[valuesById[2] = "RULE_FATE_ERROR"] = 2;
            values[valuesById[3] = "RULE_FATE_FIRED"] = 3;
            values[valuesById[4] = "RULE_FATE_SHADOW"] = 4;
            values[valuesById[5] = "RULE_FATE_SUPPRESSED"] = 5;
            values[valuesById[6] = "RULE_FATE_OFF"] = 6;
            values[valuesById[7] = "RULE_FATE_EARLY"] = 7;
            values[valuesById[8] = "RULE_FATE_OVER"] = 8;
            values[valuesById[9] = "RULE_FATE_LEFT_OUT"] = 9;
            return values;
        })();

        v1.ExplainedGroup = (function() {

            var ExplainedGroup = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ExplainedGroup.prototype.name = "";
            ExplainedGroup.prototype.about = "";
            ExplainedGroup.prototype.greatest = false;
            ExplainedGroup.prototype.limited = false;
            ExplainedGroup.prototype.at_most = 0;
            ExplainedGroup.prototype.asked = $util.Long ? $util.Long.fromBits(0,0,false) : 0;
            ExplainedGroup.prototype.counted = $util.Long ? $util.Long.fromBits(0,0,false) : 0;

            ExplainedGroup.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.name != null && $Object.hasOwnProperty.call(message, "name") && message.name !== "")
                    writer.uint32(10).string(message.name);
                if (message.about != null && $Object.hasOwnProperty.call(message, "about") && message.about !== "")
                    writer.uint32(18).string(message.about);
                if (message.greatest != null && $Object.hasOwnProperty.call(message, "greatest") && message.greatest !== false)
                    writer.uint32(24).bool(message.greatest);
                if (message.limited != null && $Object.hasOwnProperty.call(message, "limited") && message.limited !== false)
                    writer.uint32(32).bool(message.limited);
                if (message.at_most != null && $Object.hasOwnProperty.call(message, "at_most") && message.at_most !== 0)
                    writer.uint32(40).sint32(message.at_most);
                if (message.asked != null && $Object.hasOwnProperty.call(message, "asked") && (typeof message.asked === "object" ? message.asked.low || message.asked.high : message.asked !== 0))
                    writer.uint32(48).sint64(message.asked);
                if (message.counted != null && $Object.hasOwnProperty.call(message, "counted") && (typeof message.counted === "object" ? message.counted.low || message.counted.high : message.counted !== 0))
                    writer.uint32(56).sint64(message.counted);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ExplainedGroup.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.ExplainedGroup();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.name = value;
                            else
                                delete message.name;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.about = value;
                            else
                                delete message.about;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.greatest = value;
                            else
                                delete message.greatest;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.limited = value;
                            else
                                delete message.limited;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.sint32())
                                message.at_most = value;
                            else
                                delete message.at_most;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.sint64()) === "object" ? value.low || value.high : value !== 0)
                                message.asked = value;
                            else
                                delete message.asked;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.sint64()) === "object" ? value.low || value.high : value !== 0)
                                message.counted = value;
                            else
                                delete message.counted;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ExplainedGroup;
        })();

        v1.ExplainedCutoff = (function() {

            var ExplainedCutoff = function (properties) {
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ExplainedCutoff.prototype.verdict = 0;
            ExplainedCutoff.prototype.score = 0;
            ExplainedCutoff.prototype.computed = false;

            ExplainedCutoff.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.verdict != null && $Object.hasOwnProperty.call(message, "verdict") && message.verdict !== 0)
                    writer.uint32(8).int32(message.verdict);
                if (message.score != null && $Object.hasOwnProperty.call(message, "score") && message.score !== 0)
                    writer.uint32(16).uint32(message.score);
                if (message.computed != null && $Object.hasOwnProperty.call(message, "computed") && message.computed !== false)
                    writer.uint32(24).bool(message.computed);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ExplainedCutoff.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.ExplainedCutoff();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.verdict = value;
                            else
                                delete message.verdict;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.score = value;
                            else
                                delete message.score;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.computed = value;
                            else
                                delete message.computed;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ExplainedCutoff;
        })();

        v1.ExplainedShadow = (function() {

            var ExplainedShadow = function (properties) {
                this.rules = [];
                if (properties)
                    for (var keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ExplainedShadow.prototype.name = "";
            ExplainedShadow.prototype.snapshot_id = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ExplainedShadow.prototype.verdict = 0;
            ExplainedShadow.prototype.score = 0;
            ExplainedShadow.prototype.rules = $util.emptyArray;
            ExplainedShadow.prototype.rule_errors = 0;
            ExplainedShadow.prototype.degraded = false;
            ExplainedShadow.prototype.arm = 0;

            ExplainedShadow.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.name != null && $Object.hasOwnProperty.call(message, "name") && message.name !== "")
                    writer.uint32(10).string(message.name);
                if (message.snapshot_id != null && $Object.hasOwnProperty.call(message, "snapshot_id") && (typeof message.snapshot_id === "object" ? message.snapshot_id.low || message.snapshot_id.high : message.snapshot_id !== 0))
                    writer.uint32(17).fixed64(message.snapshot_id);
                if (message.verdict != null && $Object.hasOwnProperty.call(message, "verdict") && message.verdict !== 0)
                    writer.uint32(24).int32(message.verdict);
                if (message.score != null && $Object.hasOwnProperty.call(message, "score") && message.score !== 0)
                    writer.uint32(32).uint32(message.score);
                if (message.rules != null && message.rules.length)
                    for (var i = 0; i < message.rules.length; ++i)
                        writer.uint32(42).string(message.rules[i]);
                if (message.rule_errors != null && $Object.hasOwnProperty.call(message, "rule_errors") && message.rule_errors !== 0)
                    writer.uint32(48).uint32(message.rule_errors);
                if (message.degraded != null && $Object.hasOwnProperty.call(message, "degraded") && message.degraded !== false)
                    writer.uint32(56).bool(message.degraded);
                if (message.arm != null && $Object.hasOwnProperty.call(message, "arm") && message.arm !== 0)
                    writer.uint32(64).int32(message.arm);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (var i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ExplainedShadow.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                var end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.harrier.v1.ExplainedShadow();
                while (reader.pos < end) {
                    var start = reader.pos;
                    var tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    var wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.name = value;
                            else
                                delete message.name;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 1)
                                break;
                            if (typeof (value = reader.fixed64()) === "object" ? value.low || value.high : value !== 0)
                                message.snapshot_id = value;
                            else
                                delete message.snapshot_id;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.verdict = value;
                            else
                                delete message.verdict;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.score = value;
                            else
                                delete message.score;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            if (!(message.rules && message.rules.length))
                                message.rules = [];
                            message.rules.push(reader.stringVerify());
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.rule_errors = value;
                            else
                                delete message.rule_errors;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.degraded = value;
                            else
                                delete message.degraded;
                            continue;
                        }
                    case 8: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.arm = value;
                            else
                                delete message.arm;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return ExplainedShadow;
        })();

        return v1;
    })();

    return harrier;
})();

module.exports = $root;
