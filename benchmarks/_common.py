"""What the benchmarks share: texts, timing, processes of their own, and rows that are printed and written.

Nothing heavy is imported here: the programs that start others stay small.
"""

import argparse
import itertools
import json
import os
import platform
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before numpy is imported: one core means one thread

# Everyday words, as filler: many are pieces of cues, as in real text.
WORDS = (  # noqa: SIM905
    "我们 今年 去年 记者 表示 公司 市场 经济 发展 项目 企业 产业 建设 推动 加快 提升 合作 服务 管理 社会 政府 部门 工作 会议 计划 "
    "目标 增长 同比 环比 亿元 万元 百分之 左右 以上 以下 其中 同时 此外 目前 未来 预计 完成 实现 进行 开展 组织 参加 举行 发布 "
    "公告 股份 股东 投资 融资 银行 基金 价格 上涨 下跌 收盘 开盘 交易 成交 订单 客户 产品 技术 研究 中心 大学 学院 教授 专家 团队 "
    "负责 介绍 认为 指出 强调 要求 根据 按照 通过 由于 因此 但是 不过 而且 以及 或者 如果 虽然 已经 正在 将要 可以 能够 需要 "
    "应当 必须 继续 保持 稳定 安全 环境 保护 生态 农业 农村 农民 城市 居民 生活 教育 医院 医生 学生 老师 家庭 孩子 老人 交通 道路 "
    "车辆 航班 铁路 港口 码头 仓库 物流 商场 超市 餐饮 旅游 酒店 景区 文化 艺术 音乐 电影 体育 比赛 球队 冠军 天气 气温 降雨 台风 "
    "地区 国家 国际 国内 全球 美国 欧洲 亚洲 非洲 北京 上海 广东 江苏 浙江 四川 湖北 山东 河南 的 了 在 是 和 与 对 为 从 到 把 被 "
    "也 都 还 又 就 才 很 更 最 第一 第二 多个 一批 三年 五月 十日 上午 下午 晚间 首次 再次 全面 重点 主要 相关 有关 各级 全市 全省 "
    "升级 改造 培育 布局 转型 创新 设立 新建 园区 基地 平台 工厂 设备 材料 系统 软件 数据 网络 资源 能源 电力 煤炭 石油 粮食 钢铁"
).split()
ENDS = "。。。。。。。。。！？；"
NEUTRAL = "今天天气很好。"  # no label hears anything in it
SHARES = {"sparse": 0.02, "dense": 0.5}  # of the clauses, those that hold a term
POOL = 4000  # sentences that generated texts are made of


def phrases(rng: random.Random) -> list[str]:
    """Strings that stand for the terms of the shipped taxonomy: cues with their gaps and classes filled."""
    from trackclf import load_taxonomy

    taxonomy = load_taxonomy()
    entries = taxonomy.entries
    names = [t.text for e in entries if e.label.kind == "track" for t in e.terms if t.kind == "core"]
    out = []
    for entry in entries:
        for term in entry.terms:
            pieces = [
                (rng.choice(WORDS) if slot.joint else "")
                + (slot.text or rng.choice(taxonomy.classes.get(slot.word_class) or names))
                for slot in term.slots
            ]
            out.append("".join(pieces))
    rng.shuffle(out)
    return out


def sentences(share: float, terms: Sequence[str], rng: random.Random, count: int = POOL) -> list[str]:
    """Sentences of one to four clauses; `share` of the clauses hold a term, few terms often and most seldom."""
    weights = list(itertools.accumulate(1 / (rank + 10) for rank in range(len(terms))))
    out = []
    for _ in range(count):
        clauses = []
        for _ in range(rng.choice((1, 2, 2, 3, 3, 4))):
            words = rng.choices(WORDS, k=rng.randint(2, 7))
            if rng.random() < share:
                words.insert(rng.randint(0, len(words)), rng.choices(terms, cum_weights=weights)[0])
            clauses.append("".join(words))
        out.append("，".join(clauses) + rng.choice(ENDS))
    return out


def texts_of(pool: Sequence[str], length: int, characters: int, rng: random.Random) -> list[str]:
    """Texts of about `length` characters, `characters` in all, made of whole sentences."""
    out: list[str] = []
    size = 0
    while size < characters:
        parts: list[str] = []
        have = 0
        while have < length:
            parts.append(rng.choice(pool))
            have += len(parts[-1])
        out.append("".join(parts))
        size += have
    return out


def generated(length: int, characters: int, share: float, terms: int | None = None) -> list[str]:
    """Generated texts with terms of the shipped taxonomy, all or so many; equal for equal arguments."""
    rng = random.Random(1)
    return texts_of(sentences(share, phrases(rng)[:terms], rng), length, characters, rng)


def corpus(path: str | Path, characters: int | None = None) -> Iterator[str]:
    """Texts of JSON Lines, gzipped or not, up to so many characters."""
    from trackclf._labelled import read_rows

    size = 0
    for row in read_rows(Path(path)):
        if characters is not None and size >= characters:
            return
        size += len(row["text"])
        yield row["text"]


def shifted(text: str) -> str:
    """The same text behind neutral sentences: other batches and other cuts, the same scores."""
    return NEUTRAL * (1 + len(text) // 100) + text


def one_core() -> None:
    """Stay on one core, where the system can be told to."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def best(call: Callable[[], Any], runs: int, enough: float = 5.0) -> float:
    """Least seconds of several runs; no further run once they took `enough` seconds together.

    Processor time: on one idle core it is the time on the clock, and on a shared one waiting does not count.
    """
    least, spent = float("inf"), 0.0
    for _ in range(runs):
        start = time.process_time()
        call()
        seconds = time.process_time() - start
        least, spent = min(least, seconds), spent + seconds
        if spent > enough:
            break
    return least


def peak_mb() -> float:
    """Peak resident memory of this process in MB (10^6 bytes)."""
    try:  # ru_maxrss of Linux remembers the process that started this one
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / 1e6
    except (OSError, StopIteration):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def in_process(program: str, point: dict[str, Any]) -> dict[str, Any]:
    """What `program --point POINT` prints as JSON, from a process of its own."""
    command = [sys.executable, program, "--point", json.dumps(point)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        raise SystemExit(f"{Path(program).name} failed at {point}:\n{done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def version(package: str) -> dict[str, str]:
    """Version and first wheel tag of an installed package."""
    distribution = metadata.distribution(package)
    lines = (distribution.read_text("WHEEL") or "").splitlines()
    tag = next((line.removeprefix("Tag: ") for line in lines if line.startswith("Tag: ")), "no wheel")
    return {"version": distribution.version, "wheel": tag}


def machine() -> dict[str, Any]:
    """Kind of machine and system, without any name of its own."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor()
    return {
        "processor": model,
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.system(),
    }


class Report:
    """Rows of one program, printed as a table and written as JSON Lines. A wrong answer has no figures.

    Parameters
    ----------
    options : Namespace
        Of `parser`.
    columns : dict of str to str
        Fields to print, with their formats.
    """

    def __init__(self, options: argparse.Namespace, columns: dict[str, str]) -> None:
        versions = {name: metadata.version(name) for name in ("trackclf", "numpy")}
        self.head = {
            "program": Path(sys.argv[0]).stem,
            "machine": machine(),
            "versions": {"Python": platform.python_version(), **versions},
        }
        self.columns = columns
        self.out = open(options.json, "w", encoding="utf-8") if options.json else None  # noqa: SIM115
        self.wrong = 0
        print(", ".join(f"{k} {v}" for k, v in (self.head["versions"] | self.head["machine"]).items()))
        print("  ".join(self._cell(name, name.replace("_", " ")) for name in columns))

    def add(self, right: bool, figures: dict[str, float], rival: bool = False, **row: Any) -> None:
        """Add a row: what was measured, whether the answer was right, and the figures.

        A rival's wrong answer is shown as such, but is no failure of the program.
        """
        self.wrong += not right and not rival
        self._write(row | {"right": right} | ({k: float(v) for k, v in figures.items()} if right else {}))

    def skip(self, why: str, **row: Any) -> None:
        """Add a row for what could not run."""
        self._write(row | {"skipped": why})

    def close(self) -> None:
        """End the program: exit code 1 if an answer of trackclf was wrong."""
        if self.out:
            self.out.close()
        sys.exit(1 if self.wrong else 0)

    def _cell(self, name: str, text: str) -> str:
        form = self.columns[name]
        width = max(len(name), int("0" + "".join(itertools.takewhile(str.isdigit, form.lstrip("<>")))))
        return f"{text:<{width}}" if form.startswith("<") else f"{text:>{width}}"

    def _write(self, row: dict[str, Any]) -> None:
        if self.out:
            self.out.write(json.dumps(self.head | row, ensure_ascii=False) + "\n")
            self.out.flush()
        cells = [
            self._cell(name, "" if row.get(name) is None else format(row[name], form))
            for name, form in self.columns.items()
        ]
        note = "" if row.get("right") else "  skipped: " + row["skipped"] if "skipped" in row else "  WRONG ANSWER"
        print("  ".join(cells) + note, flush=True)


def options_or_point(
    out: argparse.ArgumentParser, measure: Callable[..., Any], pinned: bool = True
) -> argparse.Namespace:
    """Options of a program whose points are processes of their own; for one of them, measure it, print it and end."""
    out.add_argument("--point", help="measure this one in this process, and print it as JSON")
    options = out.parse_args()
    if pinned:
        one_core()
    if options.point:
        print(json.dumps(measure(**json.loads(options.point))))
        sys.exit()
    return options


def parser(doc: str | None, with_corpus: bool = True) -> argparse.ArgumentParser:
    """Options that all programs have."""
    out = argparse.ArgumentParser(description=(doc or "").split("\n")[0])
    if with_corpus:
        out.add_argument(
            "--corpus", metavar="PATH", help="JSON Lines with a text in each line, instead of generated text"
        )
    out.add_argument("--json", metavar="FILE", help="write the rows there as JSON Lines")
    out.add_argument("--quick", action="store_true", help="tiny sizes: does it run?")
    return out
