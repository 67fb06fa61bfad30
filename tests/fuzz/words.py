"""Words worth trying, separated by spaces: a fuzzer that changes bytes seldom comes upon a whole one."""

JSON = r"""
"request_id" "id" "task_id" "data" "status" "video" "url" "usage" "error" "message" "code" "type" "msg"
"detail" "fail_reason" "progress" "video_url" "result_url" "actualDuration" "duration" "cost_in_usd_ticks"
"respect_moderation" "done" "SUCCESS" "failed" "expired" "queued" "invalid_request" "moderated" "prompt"
: , { } [ ] true false null NaN Infinity -1 1e999 1.5 99999999999999999999 "\ud800" \u0000 202 402 500
"""
YAML = """
version: jobs: id: prompt: edit: extend: image: tags: defaults: limits: keyframes: timestamp_s: resize:
reference_images: last_frame: generate_audio: duration: allow: model: provider: batch: revision: user:
- ? | > & * ! !!str !!int << ~ { } [ ] ' " # --- ... \\x85 \\ud800 \ufeff .inf .nan 0x1 1e9 007 https://
"""
TABLE = r"""
, ; | "" " sep=; \x80 \x93 \xe9 \ufeff \u2028 {"a": NaN -Infinity 1e999 "\ud800" \u0000 {} [[ ]] PK <html> \"
"""
HTTP = """
content-range: content-length: content-encoding: etag: last-modified: begun: known: known-total: retry-after:
bytes 5- 0- /10 /* W/"x" "tag" gzip identity aws-chunked 206 416 99999999999999999999
"""
DATES = """
GMT UTC +0000 -0000 +9999 Mon, Tue, Nov Feb 9999 0000 0001 23:59:60 24:00:00 -14- ( ) \N{SUPERSCRIPT TWO}
"""
ENV = r"""export A= = ' " \ # $ ${A} \n \r \x00 \u0000 KEY:"""
SCENARIO = """
faults: fault: phase: rate: seed: job: attempts: after: from_s: to_s: render_s: clip_bytes: name: 429 submit
poll download 1-3 2- 2024-99-99 12:30:45 ? !!binary !!timestamp !!set & * << {} []
"""
LINK = "https:// http:// // @ [::1] [ ] %zz %00 :99999 :0 .. ? # xn-- \u2100 \uff0f ftp: 0x7f.1"
PICTURE = "IHDR IDAT IEND eXIf acTL fdAT iCCP PLTE tRNS RIFF WEBP VP8X VP8L ALPH EXIF ICCP Exif MM II JFIF"
CLIP = "ftyp moov mdat trak stsd stts stsz stco mvhd tkhd mdhd avc1 mp4v elst moof mvex"
