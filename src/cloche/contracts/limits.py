"""What one run may use. Every number is enforced in the cell and refused above the maximum."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB

_Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Count = Annotated[int, Field(ge=1)]


class Limits(BaseModel):
    """Limits of one process tree; a case counts as one, the compiler as another."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    wall_time_s: _Seconds = Field(default=10.0, description="Seconds on the clock, waiting for a slow reader excluded.")
    cpu_time_s: _Seconds = Field(default=10.0, description="CPU seconds of the whole process tree.")
    memory_bytes: Annotated[int, Field(ge=4 * MIB)] = Field(
        default=256 * MIB, description="Memory of the cell, tmpfs included."
    )
    processes: _Count = Field(default=64, description="Processes and threads alive at once.")
    output_bytes: Annotated[int, Field(ge=0)] = Field(default=MIB, description="Bytes on each of stdout and stderr.")
    disk_bytes: Annotated[int, Field(ge=64 * KIB)] = Field(default=64 * MIB, description="Bytes in the work directory.")
    inodes: Annotated[int, Field(ge=16)] = Field(
        default=4096, description="Files and directories in the work directory."
    )
    file_bytes: Annotated[int, Field(ge=0)] = Field(default=64 * MIB, description="Size of any one file.")
    open_files: Annotated[int, Field(ge=8)] = Field(default=256, description="Open file descriptors of one process.")
    stack_bytes: Annotated[int, Field(ge=64 * KIB)] = Field(default=64 * MIB, description="Stack of one process.")


class CompileLimits(Limits):
    """Limits of the compile step, which needs more of everything than a program does."""

    wall_time_s: _Seconds = 30.0
    cpu_time_s: _Seconds = 30.0
    memory_bytes: Annotated[int, Field(ge=4 * MIB)] = 1024 * MIB
    disk_bytes: Annotated[int, Field(ge=64 * KIB)] = 128 * MIB


#: Wall time after which no further case of an evaluation begins: one cell runs them all, and lives an hour at most.
MOST_TOTAL_S: Final = 3000.0

#: The largest value a request may ask for, unless the settings of the API say otherwise.
MAXIMA: Final = Limits(
    wall_time_s=300,
    cpu_time_s=300,
    memory_bytes=4 * GIB,
    processes=1024,
    output_bytes=16 * MIB,
    disk_bytes=GIB,
    inodes=65536,
    file_bytes=GIB,
    open_files=4096,
    stack_bytes=GIB,
)
